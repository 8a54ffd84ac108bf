/* SPDX-License-Identifier: MIT */
/*
 * revoke.pml - taking back what a CPU has claimed, although its owner uses no fence (mm/pmm/cpu_cache.c).
 *
 * The owner's stores go through a store buffer, as on x86 (SDM volume 3, 9.2): its loads may be done before its earlier
 * stores are seen by others. The taker shuts the floor, asks for the fence (an interrupt to the owner, which drains its
 * buffer), and then looks at `inside`. Shown for every interleaving: a frame is never had by both, none is lost, and
 * taker and owner both come to their end, whether or not the other one moves.
 *
 *   spin -a revoke.pml && cc -O2 -o pan pan.c && ./pan           all interleavings
 *   spin -DNO_FENCE -a revoke.pml && ...                         must find a frame had by both
 */
#define FRAMES 2

byte inside = 0;      /* as memory has it */
byte count = FRAMES;  /* frames in the magazine, as memory has it */
bool shut = false;    /* the floor; written by locked instructions only */
byte owner_has = 0;
byte taker_has = 0;

/* The owner's store buffer: at most three stores wait, first in, first out. 1: inside = 1, 2: count = value, 3: inside = 0 */
chan buffer = [3] of { byte, byte };
bool owner_done = false;
bool taker_done = false;

inline drain_one()
{
    buffer ? what, value;
    if
    :: what == 1 -> inside = 1
    :: what == 2 -> count = value
    :: what == 3 -> inside = 0
    fi
}

/* What the processor does on its own: a store leaves the buffer at any time. */
active proctype memory()
{
    byte what;
    byte value;

end:
    do
    :: atomic { nempty(buffer) -> drain_one() }
    od
}

/* Takes a frame, twice. Its own loads see its own stores: `count` as it last wrote it, if that is still in the buffer. */
active proctype owner()
{
    byte mine;
    byte left = 2;
    bool is_shut;

    do
    :: left == 0 -> break
    :: left > 0 ->
        buffer ! 1, 1;
        is_shut = shut;
        if
        :: is_shut -> skip
        :: else ->
            /* After the load of the floor: x86 does loads in order. */
            mine = count;
            if
            :: mine > 0 ->
                buffer ! 2, (mine - 1);
                owner_has++
            :: else -> skip
            fi
        fi;
        buffer ! 3, 0;
        /* Between two calls other work drains the buffer; without this the next load would be forwarded from it, which
           gives the same value. */
        (empty(buffer));
        left--
    od;
    owner_done = true
}

active proctype taker()
{
    byte what;
    byte value;
    byte patience = 3;

    shut = true;
#ifndef NO_FENCE
    /* The interrupt: the owner's buffer is empty when it is acknowledged. */
    atomic {
        do
        :: nempty(buffer) -> drain_one()
        :: empty(buffer) -> break
        od
    }
#endif
    do
    :: patience == 0 -> break
    :: atomic { patience > 0 && inside == 1 -> patience-- }
    :: inside == 0 ->
        taker_has = taker_has + count;
        count = 0;
        break
    od;
    shut = false;
    taker_done = true
}

active proctype judge()
{
    (owner_done && taker_done && empty(buffer));
    assert(owner_has + taker_has + count == FRAMES)
}
