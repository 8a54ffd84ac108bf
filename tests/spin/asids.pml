/* SPDX-License-Identifier: MIT */
/*
 * asids.pml - a CPU loads a tree and keeps translations, while another changes it (mm/paging/tree/asid.c, and what port.h asks of
 * a port that leaves out CPUs which do not run the tree).
 *
 * CPU 0 runs the tree and leaves it, ROUNDS times; what its TLB holds under the tree's ASID stays meanwhile. CPU 1 replaces
 * the tree's only page by a new frame, ROUNDS times: it clears the entry, gives the tree a new generation, looks whether CPU 0
 * is noted as running the tree, asks it then, waits, and frees the frame. While the tree runs, its translation may be taken
 * into the TLB at any time.
 *
 * The port's note that the tree runs is an ordinary store: it may stay in CPU 0's store buffer, unseen by CPU 1, until a
 * fence or a load of CR3 (both wait for stores) or until it pleases.
 *
 * Shown for every interleaving: no frame is freed while CPU 0 runs the tree and holds the frame, and no load of CR3 keeps a
 * translation of a frame that has been freed.
 *
 * Seeds, each of which must be found: NO_FENCE before the look at the generation; INTERRUPTS_ON between that look and the load;
 * CHANGE_AFTER_LOOK (the new generation comes after the look at who runs the tree); NO_GENERATION; NOTE_TAKEN_BACK_EARLY (the port
 * notes that the tree does not run before another one is loaded).
 */
#ifndef ROUNDS
#define ROUNDS 3
#endif

byte entry = 1; /* the frame mapped, counted from 1; 0: not present */
byte freed = 0; /* frames up to here are free */
byte generation = 1;
byte noted = 0;        /* CPU 0's note beside the ASID */
byte tlb = 0;          /* what CPU 0 holds under the ASID */
bool runs = false;     /* the tree is in CR3 of CPU 0 */
bool note = false;     /* as CPU 1 sees it */
bool buffered = false; /* the note "it runs" waits in CPU 0's store buffer */
bool deaf = false;
bool asked = false;
byte done = 0;

inline drain()
{
    if
    :: buffered -> note = true; buffered = false
    :: else -> skip
    fi
}

proctype loader()
{
    byte rounds = ROUNDS;
    byte seen;

    do
    :: rounds > 0 ->
        buffered = true;
#ifndef INTERRUPTS_ON
        deaf = true;
#endif
#ifndef NO_FENCE
        d_step { drain() }
#endif
        seen = generation;
        d_step {
            drain();
            if
            :: seen != noted -> tlb = 0
            :: else -> assert(tlb == 0 || tlb > freed)
            fi;
            runs = true;
            noted = seen
        }
        deaf = false;
        /* The tree runs; then another one is loaded. */
#ifdef NOTE_TAKEN_BACK_EARLY
        note = false;
        runs = false;
#else
        runs = false;
        note = false;
#endif
        rounds--
    :: else -> break
    od;
    done++
}

/* The store buffer empties itself, and the TLB fills itself. */
proctype unit()
{
end:
    do
    :: atomic { buffered -> drain() }
    :: atomic { runs && tlb == 0 && entry != 0 -> tlb = entry }
    od
}

/* A flush reaches the ASID that is loaded, and no other. */
proctype interrupt()
{
end:
    do
    :: atomic {
        !deaf && asked ->
            if
            :: runs -> tlb = 0
            :: else -> skip
            fi;
            asked = false
       }
    od
}

inline new_generation()
{
#ifndef NO_GENERATION
    generation++
#else
    skip
#endif
}

proctype changer()
{
    byte rounds = ROUNDS;
    byte frame;
    bool runs_there;

    do
    :: rounds > 0 ->
        frame = entry;
        entry = 0;
#ifdef CHANGE_AFTER_LOOK
        runs_there = note;
        new_generation();
#else
        new_generation();
        runs_there = note;
#endif
        if
        :: runs_there -> asked = true; (!asked)
        :: else -> skip
        fi;
        d_step {
            assert(!runs || tlb != frame);
            freed = frame
        }
        entry = frame + 1;
        rounds--
    :: else -> break
    od;
    done++
}

init
{
    atomic { run loader(); run changer(); run unit(); run interrupt() }
    (done == 2)
}
