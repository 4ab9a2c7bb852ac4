/* Random streams: known answers of Philox 4x32-10, what the draws promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

/* The known answers that come with Random123. */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } known[] = {
        {{0, 0, 0, 0},
         {0, 0},
         {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++)
        for (uint32_t purpose = 0; purpose < 3; purpose++) {
            uint32_t high = known[i].key[1] ^ purpose * 0x9e3779b9u;
            rng_stream s = {.seed = (uint64_t)high << 32 | known[i].key[0],
                            .purpose = purpose,
                            .step = (uint64_t)known[i].counter[3] << 32 |
                                    known[i].counter[2]};
            uint32_t words[4];
            rng_words(s,
                      (uint64_t)known[i].counter[1] << 32 | known[i].counter[0],
                      1, words);
            assert_memory_equal(words, known[i].words, sizeof words);
        }
}

static const rng_stream stream = {.seed = 42, .purpose = RNG_TEST, .step = 7};

static void words_and_draws_agree(void **state)
{
    (void)state;
    uint32_t words[40];
    rng_words(stream, 3, 10, words);
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(rng_u32(stream, 12 + i), words[i]);
        float u = rng_uniform(stream, 12 + i);
        assert_true(u >= 0 && u < 1);
        assert_true(u == (float)(words[i] >> 8) / 16777216);
        assert_int_equal(rng_below(stream, 12 + i, 10),
                         (uint64_t)words[i] * 10 >> 32);
    }
}

/* Seed, purpose, step and index each give other words. */
static void streams_differ(void **state)
{
    (void)state;
    rng_stream streams[] = {stream, stream, stream, stream, stream};
    streams[1].seed++;
    streams[2].seed += (uint64_t)1 << 32;
    streams[3].purpose++;
    streams[4].step += (uint64_t)1 << 32;
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 0; b < a; b++)
            assert_int_not_equal(rng_u32(streams[a], 0),
                                 rng_u32(streams[b], 0));
    assert_int_not_equal(rng_u32(stream, 0),
                         rng_u32(stream, (uint64_t)1 << 34));
}

static void permutations(void **state)
{
    (void)state;
    static uint32_t order[1000];
    static const uint32_t sizes[] = {0, 1, 2, 7, 1000};
    for (size_t k = 0; k < 5; k++) {
        char seen[1000] = {0};
        rng_permutation(stream, sizes[k], order);
        for (uint32_t i = 0; i < sizes[k]; i++) {
            assert_true(order[i] < sizes[k]);
            assert_false(seen[order[i]]);
            seen[order[i]] = 1;
        }
    }
    /* Every order of three comes about a sixth of the time. */
    int counts[27] = {0}, kinds = 0;
    for (uint64_t i = 0; i < 6000; i++) {
        rng_stream s = stream;
        s.step = i;
        rng_permutation(s, 3, order);
        counts[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (size_t i = 0; i < 27; i++)
        if (counts[i]) {
            kinds++;
            assert_in_range(counts[i], 850, 1150);
        }
    assert_int_equal(kinds, 6);
}

/* The definition may not change: checkpoints resume with it. */
static void normals_stay(void **state)
{
    (void)state;
    static const uint32_t bits[8] = {0xbe8c9a23, 0xbff3040f, 0xbf852e73,
                                     0xbeedd937, 0x3f8f38c6, 0x3f0fad6c,
                                     0x3f3c4b70, 0xbe91df72};
    for (uint64_t i = 0; i < 8; i++) {
        float z = rng_normal(stream, i);
        uint32_t got;
        memcpy(&got, &z, sizeof got);
        assert_int_equal(got, bits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(words_and_draws_agree),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(permutations),
        cmocka_unit_test(normals_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
