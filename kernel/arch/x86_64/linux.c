/* SPDX-License-Identifier: MIT */
/*
 * linux.c - Linux as x86_64 programs see it: call numbers, names, and the layouts that are not the same everywhere.
 *
 * Numbers and names are Linux 6.1's (arch/x86/entry/syscalls/syscall_64.tbl); the handlers are shared with i386.
 * rseq is refused in silence: every C library asks for it and can do without.
 */
#include "../arch.h"

#include "../../bytes.h"
#include "../../calls.h"
#include "../x86/cpu.h"

enum { ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003 };

const char linux_machine[] = "x86_64";

static const call_t calls[] = {
    [0] = call_read,
    [1] = call_write,
    [2] = call_open,
    [3] = call_close,
    [4] = call_stat,
    [5] = call_fstat,
    [6] = call_lstat,
    [8] = call_lseek,
    [9] = call_mmap,
    [10] = call_mprotect,
    [11] = call_munmap,
    [12] = call_brk,
    [13] = call_rt_sigaction,
    [14] = call_rt_sigprocmask,
    [16] = call_ioctl,
    [17] = call_pread,
    [19] = call_readv,
    [20] = call_writev,
    [24] = call_sched_yield,
    [25] = call_mremap,
    [27] = call_mincore,
    [28] = call_madvise,
    [34] = call_pause,
    [39] = call_process_id,
    [60] = call_exit,
    [62] = call_kill,
    [63] = call_uname,
    [72] = call_fcntl,
    [79] = call_getcwd,
    [89] = call_readlink,
    [97] = call_getrlimit,
    [102] = call_user_id,
    [104] = call_user_id,
    [107] = call_user_id,
    [108] = call_user_id,
    [110] = call_parent_id,
    [158] = call_arch_prctl,
    [160] = call_setrlimit,
    [172] = call_iopl,
    [173] = call_ioperm,
    [186] = call_process_id,
    [200] = call_tkill,
    [218] = call_set_tid_address,
    [231] = call_exit,
    [234] = call_tgkill,
    [257] = call_openat,
    [262] = call_fstatat,
    [267] = call_readlinkat,
    [273] = call_set_robust_list,
    [302] = call_prlimit,
    [318] = call_getrandom,
    [329] = call_pkey_mprotect,
    [330] = call_pkey_alloc,
    [331] = call_pkey_free,
    [332] = call_statx,
    [334] = call_not_there,
};

static const call_names_t names[] = {
    {0, "read\0write\0open\0close\0stat\0fstat\0lstat\0poll\0lseek\0mmap\0mprotect\0munmap\0brk\0rt_sigaction\0"
        "rt_sigprocmask\0rt_sigreturn\0ioctl\0pread64\0pwrite64\0readv\0writev\0access\0pipe\0select\0"
        "sched_yield\0mremap\0msync\0mincore\0madvise\0shmget\0shmat\0shmctl\0dup\0dup2\0pause\0nanosleep\0"
        "getitimer\0alarm\0setitimer\0getpid\0sendfile\0socket\0connect\0accept\0sendto\0recvfrom\0sendmsg\0"
        "recvmsg\0shutdown\0bind\0listen\0getsockname\0getpeername\0socketpair\0setsockopt\0getsockopt\0clone\0"
        "fork\0vfork\0execve\0exit\0wait4\0kill\0uname\0semget\0semop\0semctl\0shmdt\0msgget\0msgsnd\0msgrcv\0"
        "msgctl\0fcntl\0flock\0fsync\0fdatasync\0truncate\0ftruncate\0getdents\0getcwd\0chdir\0fchdir\0rename\0"
        "mkdir\0rmdir\0creat\0link\0unlink\0symlink\0readlink\0chmod\0fchmod\0chown\0fchown\0lchown\0umask\0"
        "gettimeofday\0getrlimit\0getrusage\0sysinfo\0times\0ptrace\0getuid\0syslog\0getgid\0setuid\0setgid\0"
        "geteuid\0getegid\0setpgid\0getppid\0getpgrp\0setsid\0setreuid\0setregid\0getgroups\0setgroups\0"
        "setresuid\0getresuid\0setresgid\0getresgid\0getpgid\0setfsuid\0setfsgid\0getsid\0capget\0capset\0"
        "rt_sigpending\0rt_sigtimedwait\0rt_sigqueueinfo\0rt_sigsuspend\0sigaltstack\0utime\0mknod\0uselib\0"
        "personality\0ustat\0statfs\0fstatfs\0sysfs\0getpriority\0setpriority\0sched_setparam\0sched_getparam\0"
        "sched_setscheduler\0sched_getscheduler\0sched_get_priority_max\0sched_get_priority_min\0"
        "sched_rr_get_interval\0mlock\0munlock\0mlockall\0munlockall\0vhangup\0modify_ldt\0pivot_root\0_sysctl\0"
        "prctl\0arch_prctl\0adjtimex\0setrlimit\0chroot\0sync\0acct\0settimeofday\0mount\0umount2\0swapon\0"
        "swapoff\0reboot\0sethostname\0setdomainname\0iopl\0ioperm\0create_module\0init_module\0delete_module\0"
        "get_kernel_syms\0query_module\0quotactl\0nfsservctl\0getpmsg\0putpmsg\0afs_syscall\0tuxcall\0security\0"
        "gettid\0readahead\0setxattr\0lsetxattr\0fsetxattr\0getxattr\0lgetxattr\0fgetxattr\0listxattr\0"
        "llistxattr\0flistxattr\0removexattr\0lremovexattr\0fremovexattr\0tkill\0time\0futex\0sched_setaffinity\0"
        "sched_getaffinity\0set_thread_area\0io_setup\0io_destroy\0io_getevents\0io_submit\0io_cancel\0"
        "get_thread_area\0lookup_dcookie\0epoll_create\0epoll_ctl_old\0epoll_wait_old\0remap_file_pages\0"
        "getdents64\0set_tid_address\0restart_syscall\0semtimedop\0fadvise64\0timer_create\0timer_settime\0"
        "timer_gettime\0timer_getoverrun\0timer_delete\0clock_settime\0clock_gettime\0clock_getres\0"
        "clock_nanosleep\0exit_group\0epoll_wait\0epoll_ctl\0tgkill\0utimes\0vserver\0mbind\0set_mempolicy\0"
        "get_mempolicy\0mq_open\0mq_unlink\0mq_timedsend\0mq_timedreceive\0mq_notify\0mq_getsetattr\0kexec_load\0"
        "waitid\0add_key\0request_key\0keyctl\0ioprio_set\0ioprio_get\0inotify_init\0inotify_add_watch\0"
        "inotify_rm_watch\0migrate_pages\0openat\0mkdirat\0mknodat\0fchownat\0futimesat\0newfstatat\0unlinkat\0"
        "renameat\0linkat\0symlinkat\0readlinkat\0fchmodat\0faccessat\0pselect6\0ppoll\0unshare\0"
        "set_robust_list\0get_robust_list\0splice\0tee\0sync_file_range\0vmsplice\0move_pages\0utimensat\0"
        "epoll_pwait\0signalfd\0timerfd_create\0eventfd\0fallocate\0timerfd_settime\0timerfd_gettime\0accept4\0"
        "signalfd4\0eventfd2\0epoll_create1\0dup3\0pipe2\0inotify_init1\0preadv\0pwritev\0rt_tgsigqueueinfo\0"
        "perf_event_open\0recvmmsg\0fanotify_init\0fanotify_mark\0prlimit64\0name_to_handle_at\0"
        "open_by_handle_at\0clock_adjtime\0syncfs\0sendmmsg\0setns\0getcpu\0process_vm_readv\0process_vm_writev\0"
        "kcmp\0finit_module\0sched_setattr\0sched_getattr\0renameat2\0seccomp\0getrandom\0memfd_create\0"
        "kexec_file_load\0bpf\0execveat\0userfaultfd\0membarrier\0mlock2\0copy_file_range\0preadv2\0pwritev2\0"
        "pkey_mprotect\0pkey_alloc\0pkey_free\0statx\0io_pgetevents\0rseq\0"},
    {424, "pidfd_send_signal\0io_uring_setup\0io_uring_enter\0io_uring_register\0open_tree\0move_mount\0fsopen\0"
          "fsconfig\0fsmount\0fspick\0pidfd_open\0clone3\0close_range\0openat2\0pidfd_getfd\0faccessat2\0"
          "process_madvise\0epoll_pwait2\0mount_setattr\0quotactl_fd\0landlock_create_ruleset\0landlock_add_rule\0"
          "landlock_restrict_self\0memfd_secret\0process_mrelease\0futex_waitv\0set_mempolicy_home_node\0"},
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

/* Only FS is a program's; GS is not switched here, and setting it is refused. */
call_result_t call_arch_prctl(process_t *process, const uintptr_t *argument)
{
    uintptr_t base = argument[1];

    switch (argument[0] & UINT32_MAX) {
    case ARCH_SET_FS:
        if (base >= ARCH_USER_END)
            return -EPERM;
        arch_user_state_save(&process->user);
        process->user.tls_base = base;
        process->user.selectors[2] = 0; /* as Linux has it: its base would win when it is loaded again */
        arch_user_state_load(&process->user);
        return 0;
    case ARCH_GET_FS:
        arch_user_state_save(&process->user);
        return copy_out(process, base, &process->user.tls_base, sizeof(process->user.tls_base));
    default:
        return -EINVAL;
    }
}

/* struct stat (asm/stat.h), as words of 8 bytes. */
size_t linux_stat(const file_status_t *status, uint8_t stat[STAT_BYTES_MAX])
{
    const uint64_t words[STAT_BYTES_MAX / 8] = {
        [0] = status->device,
        [1] = status->inode,
        [2] = status->links,
        [3] = status->mode, /* and the user, 0 */
        [5] = status->special_device,
        [6] = status->bytes,
        [7] = QUIRE_PAGE_BYTES, /* the preferred size of a transfer */
        [8] = (status->bytes + 511) >> 9,
    };

    memcpy(stat, words, sizeof(words));
    return sizeof(words);
}
