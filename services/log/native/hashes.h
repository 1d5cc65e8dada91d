/* The two hashes of Kafka: murmur2 of keys, CRC-32C of record batches. */
#ifndef DIPPER_HASHES_H
#define DIPPER_HASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
#define HAS_CRC_INSTRUCTION 1
#endif

/* services/log/partitioning.py murmur2(). */
static uint32_t murmur2(const char *data, size_t length)
{
    const uint32_t multiplier = 0x5BD1E995;
    const unsigned char *at = (const unsigned char *)data;
    uint32_t hashed = 0x9747B28C ^ (uint32_t)length;
    for (; length >= 4; at += 4, length -= 4) {
        uint32_t word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        word *= multiplier;
        word ^= word >> 24;
        hashed = hashed * multiplier ^ word * multiplier;
    }
    if (length > 0) {
        for (size_t index = 0; index < length; index++)
            hashed ^= (uint32_t)at[index] << 8 * index;
        hashed *= multiplier;
    }
    hashed = (hashed ^ hashed >> 13) * multiplier;
    return hashed ^ hashed >> 15;
}

/* crc_of_byte[0]: the CRC of each byte; crc_of_byte[n]: of that byte and n zeros. */
static uint32_t crc_of_byte[8][256];

static void fill_crc_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
        crc_of_byte[0][byte] = crc;
    }
    for (int zeros = 1; zeros < 8; zeros++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t shorter = crc_of_byte[zeros - 1][byte];
            crc_of_byte[zeros][byte] = shorter >> 8 ^ crc_of_byte[0][shorter & 0xFF];
        }
}

/* Eight bytes at a time from tables ("slicing by 8"). */
static uint32_t crc32c_by_tables(const char *data, size_t length)
{
    const unsigned char *at = (const unsigned char *)data;
    uint32_t crc = UINT32_MAX;
    for (; length >= 8; at += 8, length -= 8) {
        uint32_t mixed = crc ^ (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                                (uint32_t)at[3] << 24);
        crc = crc_of_byte[7][mixed & 0xFF] ^ crc_of_byte[6][mixed >> 8 & 0xFF] ^
              crc_of_byte[5][mixed >> 16 & 0xFF] ^ crc_of_byte[4][mixed >> 24] ^
              crc_of_byte[3][at[4]] ^ crc_of_byte[2][at[5]] ^ crc_of_byte[1][at[6]] ^
              crc_of_byte[0][at[7]];
    }
    for (; length > 0; at++, length--)
        crc = crc >> 8 ^ crc_of_byte[0][(crc ^ *at) & 0xFF];
    return ~crc;
}

#ifdef HAS_CRC_INSTRUCTION
__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(const char *data, size_t length)
{
    uint64_t crc = UINT32_MAX;
    for (; length >= 8; data += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    uint32_t rest = (uint32_t)crc;
    for (; length > 0; data++, length--)
        rest = _mm_crc32_u8(rest, (unsigned char)*data);
    return ~rest;
}
#endif

static uint32_t crc32c(const char *data, size_t length)
{
#ifdef HAS_CRC_INSTRUCTION
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_by_instruction(data, length);
#endif
    return crc32c_by_tables(data, length);
}

#endif
