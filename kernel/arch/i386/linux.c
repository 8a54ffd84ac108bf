/* SPDX-License-Identifier: MIT */
/*
 * linux.c - Linux as i386 programs see it: call numbers, names, and the layouts that are not the same everywhere.
 *
 * Numbers and names are Linux 6.1's (arch/x86/entry/syscalls/syscall_32.tbl); the handlers are shared with x86_64.
 * rseq is refused in silence: every C library asks for it and can do without. Calls without "64" that pass file sizes
 * in 32 bits (stat, fstat) are older than any C library that is in use, and not here.
 */
#include "../arch.h"

#include "../../bytes.h"
#include "../../calls.h"
#include "../x86/cpu.h"

const char linux_machine[] = "i686";

/* The oldest mmap: its six arguments are in memory, because i386 once passed five. */
static call_result_t call_mmap_struct(process_t *process, const uintptr_t *argument)
{
    uintptr_t moved[6];

    if (copy_in(process, moved, argument[0], sizeof(moved)) != 0)
        return -EFAULT;
    return call_mmap(process, moved);
}

call_result_t call_set_thread_area(process_t *process, const uintptr_t *argument);
call_result_t call_get_thread_area(process_t *process, const uintptr_t *argument);

static const call_t calls[] = {
    [1] = call_exit,
    [3] = call_read,
    [4] = call_write,
    [5] = call_open,
    [6] = call_close,
    [19] = call_lseek,
    [20] = call_process_id,
    [24] = call_user_id,
    [29] = call_pause,
    [37] = call_kill,
    [45] = call_brk,
    [47] = call_user_id,
    [49] = call_user_id,
    [50] = call_user_id,
    [54] = call_ioctl,
    [55] = call_fcntl,
    [64] = call_parent_id,
    [75] = call_setrlimit,
    [76] = call_old_getrlimit,
    [85] = call_readlink,
    [90] = call_mmap_struct,
    [91] = call_munmap,
    [101] = call_ioperm,
    [110] = call_iopl,
    [122] = call_uname,
    [125] = call_mprotect,
    [140] = call_llseek,
    [145] = call_readv,
    [146] = call_writev,
    [158] = call_sched_yield,
    [163] = call_mremap,
    [174] = call_rt_sigaction,
    [175] = call_rt_sigprocmask,
    [180] = call_pread,
    [183] = call_getcwd,
    [191] = call_getrlimit,
    [192] = call_mmap_pages,
    [195] = call_stat,
    [196] = call_lstat,
    [197] = call_fstat,
    [199] = call_user_id,
    [200] = call_user_id,
    [201] = call_user_id,
    [202] = call_user_id,
    [218] = call_mincore,
    [219] = call_madvise,
    [221] = call_fcntl,
    [224] = call_process_id,
    [238] = call_tkill,
    [243] = call_set_thread_area,
    [244] = call_get_thread_area,
    [252] = call_exit,
    [258] = call_set_tid_address,
    [270] = call_tgkill,
    [295] = call_openat,
    [300] = call_fstatat,
    [305] = call_readlinkat,
    [311] = call_set_robust_list,
    [340] = call_prlimit,
    [355] = call_getrandom,
    [380] = call_pkey_mprotect,
    [381] = call_pkey_alloc,
    [382] = call_pkey_free,
    [383] = call_statx,
    [384] = call_arch_prctl,
    [386] = call_not_there,
};

static const call_names_t names[] = {
    {0, "restart_syscall\0exit\0fork\0read\0write\0open\0close\0waitpid\0creat\0link\0unlink\0execve\0chdir\0"
        "time\0mknod\0chmod\0lchown\0break\0oldstat\0lseek\0getpid\0mount\0umount\0setuid\0getuid\0stime\0"
        "ptrace\0alarm\0oldfstat\0pause\0utime\0stty\0gtty\0access\0nice\0ftime\0sync\0kill\0rename\0mkdir\0"
        "rmdir\0dup\0pipe\0times\0prof\0brk\0setgid\0getgid\0signal\0geteuid\0getegid\0acct\0umount2\0lock\0"
        "ioctl\0fcntl\0mpx\0setpgid\0ulimit\0oldolduname\0umask\0chroot\0ustat\0dup2\0getppid\0getpgrp\0setsid\0"
        "sigaction\0sgetmask\0ssetmask\0setreuid\0setregid\0sigsuspend\0sigpending\0sethostname\0setrlimit\0"
        "getrlimit\0getrusage\0gettimeofday\0settimeofday\0getgroups\0setgroups\0select\0symlink\0oldlstat\0"
        "readlink\0uselib\0swapon\0reboot\0readdir\0mmap\0munmap\0truncate\0ftruncate\0fchmod\0fchown\0"
        "getpriority\0setpriority\0profil\0statfs\0fstatfs\0ioperm\0socketcall\0syslog\0setitimer\0getitimer\0"
        "stat\0lstat\0fstat\0olduname\0iopl\0vhangup\0idle\0vm86old\0wait4\0swapoff\0sysinfo\0ipc\0fsync\0"
        "sigreturn\0clone\0setdomainname\0uname\0modify_ldt\0adjtimex\0mprotect\0sigprocmask\0create_module\0"
        "init_module\0delete_module\0get_kernel_syms\0quotactl\0getpgid\0fchdir\0bdflush\0sysfs\0personality\0"
        "afs_syscall\0setfsuid\0setfsgid\0_llseek\0getdents\0_newselect\0flock\0msync\0readv\0writev\0getsid\0"
        "fdatasync\0_sysctl\0mlock\0munlock\0mlockall\0munlockall\0sched_setparam\0sched_getparam\0"
        "sched_setscheduler\0sched_getscheduler\0sched_yield\0sched_get_priority_max\0sched_get_priority_min\0"
        "sched_rr_get_interval\0nanosleep\0mremap\0setresuid\0getresuid\0vm86\0query_module\0poll\0nfsservctl\0"
        "setresgid\0getresgid\0prctl\0rt_sigreturn\0rt_sigaction\0rt_sigprocmask\0rt_sigpending\0"
        "rt_sigtimedwait\0rt_sigqueueinfo\0rt_sigsuspend\0pread64\0pwrite64\0chown\0getcwd\0capget\0capset\0"
        "sigaltstack\0sendfile\0getpmsg\0putpmsg\0vfork\0ugetrlimit\0mmap2\0truncate64\0ftruncate64\0stat64\0"
        "lstat64\0fstat64\0lchown32\0getuid32\0getgid32\0geteuid32\0getegid32\0setreuid32\0setregid32\0"
        "getgroups32\0setgroups32\0fchown32\0setresuid32\0getresuid32\0setresgid32\0getresgid32\0chown32\0"
        "setuid32\0setgid32\0setfsuid32\0setfsgid32\0pivot_root\0mincore\0madvise\0getdents64\0fcntl64\0?\0?\0"
        "gettid\0readahead\0setxattr\0lsetxattr\0fsetxattr\0getxattr\0lgetxattr\0fgetxattr\0listxattr\0"
        "llistxattr\0flistxattr\0removexattr\0lremovexattr\0fremovexattr\0tkill\0sendfile64\0futex\0"
        "sched_setaffinity\0sched_getaffinity\0set_thread_area\0get_thread_area\0io_setup\0io_destroy\0"
        "io_getevents\0io_submit\0io_cancel\0fadvise64\0?\0exit_group\0lookup_dcookie\0epoll_create\0epoll_ctl\0"
        "epoll_wait\0remap_file_pages\0set_tid_address\0timer_create\0timer_settime\0timer_gettime\0"
        "timer_getoverrun\0timer_delete\0clock_settime\0clock_gettime\0clock_getres\0clock_nanosleep\0statfs64\0"
        "fstatfs64\0tgkill\0utimes\0fadvise64_64\0vserver\0mbind\0get_mempolicy\0set_mempolicy\0mq_open\0"
        "mq_unlink\0mq_timedsend\0mq_timedreceive\0mq_notify\0mq_getsetattr\0kexec_load\0waitid\0?\0add_key\0"
        "request_key\0keyctl\0ioprio_set\0ioprio_get\0inotify_init\0inotify_add_watch\0inotify_rm_watch\0"
        "migrate_pages\0openat\0mkdirat\0mknodat\0fchownat\0futimesat\0fstatat64\0unlinkat\0renameat\0linkat\0"
        "symlinkat\0readlinkat\0fchmodat\0faccessat\0pselect6\0ppoll\0unshare\0set_robust_list\0get_robust_list\0"
        "splice\0sync_file_range\0tee\0vmsplice\0move_pages\0getcpu\0epoll_pwait\0utimensat\0signalfd\0"
        "timerfd_create\0eventfd\0fallocate\0timerfd_settime\0timerfd_gettime\0signalfd4\0eventfd2\0"
        "epoll_create1\0dup3\0pipe2\0inotify_init1\0preadv\0pwritev\0rt_tgsigqueueinfo\0perf_event_open\0"
        "recvmmsg\0fanotify_init\0fanotify_mark\0prlimit64\0name_to_handle_at\0open_by_handle_at\0clock_adjtime\0"
        "syncfs\0sendmmsg\0setns\0process_vm_readv\0process_vm_writev\0kcmp\0finit_module\0sched_setattr\0"
        "sched_getattr\0renameat2\0seccomp\0getrandom\0memfd_create\0bpf\0execveat\0socket\0socketpair\0bind\0"
        "connect\0listen\0accept4\0getsockopt\0setsockopt\0getsockname\0getpeername\0sendto\0sendmsg\0recvfrom\0"
        "recvmsg\0shutdown\0userfaultfd\0membarrier\0mlock2\0copy_file_range\0preadv2\0pwritev2\0pkey_mprotect\0"
        "pkey_alloc\0pkey_free\0statx\0arch_prctl\0io_pgetevents\0rseq\0?\0?\0?\0?\0?\0?\0semget\0semctl\0"
        "shmget\0shmctl\0shmat\0shmdt\0msgget\0msgsnd\0msgrcv\0msgctl\0clock_gettime64\0clock_settime64\0"
        "clock_adjtime64\0clock_getres_time64\0clock_nanosleep_time64\0timer_gettime64\0timer_settime64\0"
        "timerfd_gettime64\0timerfd_settime64\0utimensat_time64\0pselect6_time64\0ppoll_time64\0?\0"
        "io_pgetevents_time64\0recvmmsg_time64\0mq_timedsend_time64\0mq_timedreceive_time64\0semtimedop_time64\0"
        "rt_sigtimedwait_time64\0futex_time64\0sched_rr_get_interval_time64\0pidfd_send_signal\0io_uring_setup\0"
        "io_uring_enter\0io_uring_register\0open_tree\0move_mount\0fsopen\0fsconfig\0fsmount\0fspick\0"
        "pidfd_open\0clone3\0close_range\0openat2\0pidfd_getfd\0faccessat2\0process_madvise\0epoll_pwait2\0"
        "mount_setattr\0quotactl_fd\0landlock_create_ruleset\0landlock_add_rule\0landlock_restrict_self\0"
        "memfd_secret\0process_mrelease\0futex_waitv\0set_mempolicy_home_node\0"},
};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))
#define NAME_LISTS (sizeof(names) / sizeof(names[0]))

call_t linux_call(uintptr_t number)
{
    return number < CALL_COUNT ? calls[number] : NULL;
}

const char *linux_call_name(uintptr_t number)
{
    return call_name_in(names, NAME_LISTS, number);
}

/* What Linux tells programs of the CPU: EDX of leaf 1 (SDM volume 2, CPUID). */
uintptr_t linux_capabilities(void)
{
    return cpu_identify(1, 0).d;
}

/* arch_prctl sets FS and GS of 64-bit programs; 32-bit ones are told that they have asked for nothing known. */
call_result_t call_arch_prctl(process_t *process, const uintptr_t *argument)
{
    (void)process;
    (void)argument;
    return -EINVAL;
}

/* struct stat64 (asm/stat.h), as words of 4 bytes. */
size_t linux_stat(const file_status_t *status, uint8_t stat[STAT_BYTES_MAX])
{
    uint64_t blocks = (status->bytes + 511) >> 9;
    const uint32_t words[24] = {
        [0] = (uint32_t)status->device,
        [3] = (uint32_t)status->inode,
        [4] = status->mode,
        [5] = status->links,
        [8] = (uint32_t)status->special_device,
        [11] = (uint32_t)status->bytes,
        [12] = (uint32_t)(status->bytes >> 32),
        [13] = QUIRE_PAGE_BYTES, /* the preferred size of a transfer */
        [14] = (uint32_t)blocks,
        [15] = (uint32_t)(blocks >> 32),
        [22] = (uint32_t)status->inode,
        [23] = (uint32_t)(status->inode >> 32),
    };

    memcpy(stat, words, sizeof(words));
    return sizeof(words);
}
