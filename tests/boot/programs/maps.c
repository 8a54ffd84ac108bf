/* SPDX-License-Identifier: MIT */
/* maps.c - shows a file as it is, in pieces: maps.c NAME. Its heap has grown by then. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char piece[1000];
    int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    ssize_t got;

    if (file < 0 || sbrk(5 * 4096L) == (void *)-1)
        return 1;
    while ((got = read(file, piece, sizeof(piece))) > 0) {
        if (write(STDOUT_FILENO, piece, (size_t)got) != got)
            return 1;
    }
    return got != 0;
}
