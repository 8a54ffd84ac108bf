/* SPDX-License-Identifier: MIT */
/*
 * shootdown.pml - changing a translation that other CPUs may hold (mm/paging/tree/gather.c, and what port.h asks of a port).
 *
 * Each CPU changes the page of one of two trees, any one, ROUNDS times: it maps a free frame where nothing is mapped, or
 * unmaps. Unmapping is the library's order: change the entry, flush one's own translations, ask the other CPUs, wait
 * until all have answered, free the frame; under the tree's lock, with interrupts off. Meanwhile any CPU may take a
 * translation into its TLB at any time, whether or not its program asks for the page, and keeps it until it flushes.
 * A frame that is freed while some TLB still names it may be used through it in the next instant, so that is the error.
 *
 * Shown for every interleaving: no frame is freed while a TLB names it, a TLB never names another tree's frame, and all
 * CPUs come to their end. Every run of the model is finite (a TLB fills once after each flush, and flushes are counted
 * by the rounds), so that the absence of a state in which nobody can move is the proof of an end.
 *
 * Reading an entry and keeping it is one step: what a processor has read of an entry before INVLPG it does not keep after
 * it. Changing an entry is seen by all at once: it is a locked instruction (SDM volume 3, 9.2.3 and 4.10.4).
 *
 * Seeds, each of which must be found: FREE_BEFORE_WAIT, NO_WAIT, FLUSH_BEFORE_CHANGE, OWN_FLUSH_FORGOTTEN; DEAF_LOCK and
 * DEAF_WAIT (a CPU that waits with interrupts off, and does not answer others meanwhile).
 */
#ifndef CPUS
#define CPUS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define TREES  2
#define FRAMES 2
#define FREE   TREES /* a frame's holder otherwise: a tree */

byte entry[TREES];           /* the frame mapped, counted from 1; 0: not present */
bool locked[TREES];
byte holder[FRAMES + 1];
byte tlb[CPUS * TREES];      /* frame that this CPU would use for the page of this tree */
bool asked[CPUS * CPUS];     /* [of * CPUS + by]: a request that is not answered yet */
byte subject[CPUS];          /* the tree that a CPU's request is about */
bool deaf[CPUS];             /* interrupts are off */
byte done;

inline check_unused(frame)
{
    d_step {
        look = 0;
        do
        :: look < CPUS * TREES -> assert(tlb[look] != frame); look++
        :: else -> break
        od;
        look = 0
    }
}

/* What the interrupt does, and a CPU that waits: drop the translation, then say so. */
inline answer(me)
{
    d_step {
        look = 0;
        do
        :: look < CPUS ->
            if
            :: asked[me * CPUS + look] -> tlb[me * TREES + subject[look]] = 0; asked[me * CPUS + look] = false
            :: else -> skip
            fi;
            look++
        :: else -> break
        od;
        look = 0
    }
}

#if CPUS == 2
#define IS_ASKED(me)    (asked[me * CPUS] || asked[me * CPUS + 1])
#define ALL_ANSWERED(me) (!asked[me] && !asked[CPUS + me])
#else
#define IS_ASKED(me)    (asked[me * CPUS] || asked[me * CPUS + 1] || asked[me * CPUS + 2])
#define ALL_ANSWERED(me) (!asked[me] && !asked[CPUS + me] && !asked[2 * CPUS + me])
#endif

inline lock()
{
    deaf[me] = true;
    do
    :: atomic { !locked[tree] -> locked[tree] = true; break }
#ifndef DEAF_LOCK
    :: atomic { IS_ASKED(me) -> answer(me) }
#endif
    od
}

inline unlock()
{
    d_step { locked[tree] = false; deaf[me] = false }
}

/* One after the other, as a port sends interrupts. */
inline ask_others()
{
    subject[me] = tree;
    other = 0;
    do
    :: other < CPUS ->
        if
        :: other != me -> asked[other * CPUS + me] = true
        :: else -> skip
        fi;
        other++
    :: else -> other = 0; break
    od
}

inline wait_for_others()
{
    do
    :: ALL_ANSWERED(me) -> break
#ifndef DEAF_WAIT
    :: atomic { IS_ASKED(me) -> answer(me) }
#endif
    od
}

inline free_frame()
{
    atomic { check_unused(frame); holder[frame] = FREE }
}

inline flush_everywhere()
{
#ifndef OWN_FLUSH_FORGOTTEN
    tlb[me * TREES + tree] = 0;
#endif
    ask_others();
#ifdef FREE_BEFORE_WAIT
    free_frame();
#endif
#ifndef NO_WAIT
    wait_for_others()
#endif
}

inline unmap()
{
    frame = entry[tree];
#ifdef FLUSH_BEFORE_CHANGE
    flush_everywhere();
    entry[tree] = 0;
#else
    entry[tree] = 0;
    flush_everywhere();
#endif
#ifndef FREE_BEFORE_WAIT
    free_frame();
#endif
    frame = 0
}

/* Nothing is flushed: processors do not keep entries that are not present. */
inline map()
{
    if
    :: atomic { holder[1] == FREE -> holder[1] = tree; frame = 1 }
    :: atomic { holder[2] == FREE -> holder[2] = tree; frame = 2 }
    :: else -> skip
    fi;
    entry[tree] = frame;
    frame = 0
}

proctype cpu(byte me)
{
    byte tree;
    byte frame;
    byte other;
    byte look;
    byte rounds = ROUNDS;

    do
    :: rounds > 0 ->
        if
        :: tree = 0
        :: tree = 1
        fi;
        lock();
        if
        :: entry[tree] != 0 -> unmap()
        :: else -> map()
        fi;
        unlock();
        rounds--
    :: else -> break
    od;
    done++
}

proctype interrupt(byte me)
{
    byte look;

end:
    do
    :: atomic { !deaf[me] && IS_ASKED(me) -> answer(me) }
    od
}

/* The memory unit of a CPU fills its TLB, on its own account. */
proctype fill(byte me)
{
end:
    do
    :: atomic { tlb[me * TREES] == 0 && entry[0] != 0 -> tlb[me * TREES] = entry[0];
                assert(holder[tlb[me * TREES]] == 0) }
    :: atomic { tlb[me * TREES + 1] == 0 && entry[1] != 0 -> tlb[me * TREES + 1] = entry[1];
                assert(holder[tlb[me * TREES + 1]] == 1) }
    od
}

init
{
    byte i;

    atomic {
        holder[0] = FREE;
        holder[1] = 0;
        holder[2] = 1;
        entry[0] = 1;
        entry[1] = 2;
        i = 0;
        do
        :: i < CPUS -> run cpu(i); run interrupt(i); run fill(i); i++
        :: else -> break
        od
    }
    (done == CPUS)
}
