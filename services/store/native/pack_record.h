/* Records as rows of positions in PostgreSQL's binary format, without a Python object on the way. */
#ifndef DIPPER_PACK_RECORD_H
#define DIPPER_PACK_RECORD_H

#include "pack.h"

static char *
put_null(char *at, uint32_t oid)
{
    put32(at, oid);
    put32(at + 4, UINT32_MAX);
    return at + 8;
}

static char *
put_head(char *at, uint32_t oid, uint32_t bytes)
{
    put32(at, oid);
    put32(at + 4, bytes);
    return at + 8;
}

/* NULL, as for any value that has no place in the column: then put_row() says what is wrong. */
static char *
put_small(char *at, long long value)
{
    if (value < INT16_MIN || value > INT16_MAX)
        return NULL;
    at = put_head(at, OID_INT2, 2);
    put16(at, (uint16_t)value);
    return at + 2;
}

/* No number of 19 digits is too large for either of the types. */
static char *
put_real(char *at, uint32_t oid, double value)
{
    if (oid == OID_FLOAT8) {
        uint64_t bits;
        memcpy(&bits, &value, 8);
        at = put_head(at, oid, 8);
        put64(at, bits);
        return at + 8;
    }
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, 4);
    at = put_head(at, oid, 4);
    put32(at, bits);
    return at + 4;
}

static char *
put_measure(char *at, int column, int field, const FixRecord *record)
{
    uint32_t oid = OIDS[column];
    if (!(record->known & BIT(field)))
        return put_null(at, oid);
    Number number = record->measure[field];
    if (oid != OID_INT2)
        return put_real(at, oid, as_double(number));
    return number.places ? NULL : put_small(at, as_integer(number));
}

static char *
put_counts(char *at, const Counts *counts)
{
    for (int each = 0; each < CONSTELLATION_COUNT && at != NULL; each++)
        at = counts->known & BIT(each) ? put_small(at, counts->count[each])
                                       : put_null(at, OID_INT2);
    return at;
}

static char *
put_zones(char *at, const FixRecord *record)
{
    if (record->zone_count == 0)
        return put_null(at, OID_TEXT_ARRAY);
    size_t bytes = 20 + 4 * (size_t)record->zone_count + (size_t)record->zone_bytes;
    at = put_head(at, OID_TEXT_ARRAY, (uint32_t)bytes);
    put32(at, 1);
    put32(at + 4, 0);
    put32(at + 8, OID_TEXT);
    put32(at + 12, (uint32_t)record->zone_count);
    put32(at + 16, 1);
    at += 20;
    Scan zones = record->zones;
    for (Py_ssize_t each = 0; each < record->zone_count; each++) {
        Text zone = next_zone(&zones);
        put32(at, (uint32_t)zone.length);
        memcpy(at + 4, zone.start, (size_t)zone.length);
        at += 4 + zone.length;
    }
    return at;
}

/* The row of a record, as put_row() packs as_row() of it. 0 without an exception if a value has no
 * place in its column, 0 with one if there is no memory. */
static int
put_record(Buffer *buffer, const FixRecord *record, bool has_id, int32_t terminal_id)
{
    /* Without zones a row takes at most 8 + 21 * 8 bytes and 8 for each value. */
    size_t most = 512 + 4 * (size_t)record->zone_count + (size_t)record->zone_bytes;
    size_t start = buffer->used;
    char *head = extend(buffer, most);
    if (head == NULL)
        return 0;
    put32(head + 4, COLUMNS);
    char *at = put_head(head + 8, OID_TIMESTAMPTZ, 8);
    put64(at, (uint64_t)(record->time_us - POSTGRES_EPOCH_US));
    at = put_measure(at + 8, COLUMN_LAT, LAT, record);
    at = put_measure(at, COLUMN_LON, LON, record);
    if (has_id) {
        put32(put_head(at, OID_INT4, 4), (uint32_t)terminal_id);
        at += 12;
    } else {
        at = put_null(at, OID_INT4);
    }
    at = put_measure(at, COLUMN_ALTITUDE_M, ALTITUDE_M, record);
    at = put_measure(at, COLUMN_SPEED_KMH, SPEED_KMH, record);
    at = put_measure(at, COLUMN_COURSE_DEG, COURSE_DEG, record);
    at = put_measure(at, COLUMN_HEADING_DEG, HEADING_DEG, record);
    at = put_measure(at, COLUMN_HDOP, HDOP, record);
    at = put_small(at, record->quality);
    at = put_measure(at, COLUMN_SATELLITES_USED, SATELLITES_USED, record);
    at = at == NULL ? NULL : put_counts(at, &record->used_by);
    at = at == NULL ? NULL : put_counts(at, &record->in_view_by);
    if (at == NULL) {
        buffer->used = start;
        return 0;
    }
    at = put_head(at, OID_BOOL, 1);
    *at = record->late;
    at = put_zones(at + 1, record);
    put32(head, (uint32_t)(at - head - 4));
    buffer->used = start + (size_t)(at - head);
    return 1;
}

#endif
