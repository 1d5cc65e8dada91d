/* Kafka's record batches of format 2 ("magic 2"): the places of their fields, and numbers. */
#ifndef DIPPER_BATCH_FORMAT_H
#define DIPPER_BATCH_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

/* Where the fields of a batch's head lie; all are big-endian. */
enum {
    AT_BASE_OFFSET = 0,        /* int64 */
    AT_LENGTH = 8,             /* int32: of what follows it */
    AT_LEADER_EPOCH = 12,      /* int32 */
    AT_MAGIC = 16,             /* int8 */
    AT_CRC = 17,               /* uint32: of what follows it */
    AT_ATTRIBUTES = 21,        /* int16 */
    AT_LAST_OFFSET_DELTA = 23, /* int32 */
    AT_FIRST_TIMESTAMP = 27,   /* int64, ms since 1970 */
    AT_MAX_TIMESTAMP = 35,     /* int64 */
    AT_PRODUCER_ID = 43,       /* int64 */
    AT_PRODUCER_EPOCH = 51,    /* int16 */
    AT_BASE_SEQUENCE = 53,     /* int32 */
    AT_COUNT = 57,             /* int32: records */
    HEAD_SIZE = 61
};
#define AFTER_LENGTH AT_LEADER_EPOCH
#define MAGIC 2
#define LOG_APPEND_TIME 0x08
#define MOST_VARINT_BYTES 9 /* 63 bits; a longer one is not plain */

static void put_number(char *place, int bytes, long long number)
{
    for (int at = 0; at < bytes; at++)
        place[at] = (char)((unsigned long long)number >> 8 * (bytes - 1 - at));
}

static long long number_at(const char *place, int bytes)
{
    uint64_t number = 0;
    for (int at = 0; at < bytes; at++)
        number = number << 8 | (unsigned char)place[at];
    int unused = 64 - 8 * bytes;
    return (int64_t)(number << unused) >> unused;
}

/* ---- Varints: 7 bits a byte, lowest first, small negative numbers as short as small ones ------ */

static inline uint64_t zigzag(int64_t number)
{
    return (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
}

static inline int varint_size(int64_t number)
{
    int size = 1;
    for (uint64_t rest = zigzag(number) >> 7; rest > 0; rest >>= 7)
        size++;
    return size;
}

static inline char *put_varint(char *place, int64_t number)
{
    uint64_t rest = zigzag(number);
    for (; rest > 0x7F; rest >>= 7)
        *place++ = (char)(rest | 0x80);
    *place++ = (char)rest;
    return place;
}

static inline bool take_varint(const char **at, const char *end, int64_t *number)
{
    uint64_t bits = 0;
    for (int shift = 0; *at < end && shift < 7 * MOST_VARINT_BYTES; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        bits |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *number = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return true;
        }
    }
    return false;
}

#endif
