/* A record of telematics.enriched.v1, read without making a Python object of any of its fields: the
 * store needs few of them as objects, and most not at all.
 */
#ifndef DIPPER_ENRICHED_H
#define DIPPER_ENRICHED_H

#include <stddef.h>

#include "../../native/record.h"

#define MOST_TEXT 255 /* bytes of a name */

/* Fields whose numbers become columns. */
#define MEASURES                                                                                 \
    (BIT(LAT) | BIT(LON) | BIT(ALTITUDE_M) | BIT(SPEED_KMH) | BIT(COURSE_DEG) |                  \
     BIT(HEADING_DEG) | BIT(HDOP) | BIT(SATELLITES_USED))
#define NEEDED                                                                                   \
    (BIT(TERMINAL) | BIT(TIME_US) | BIT(FIX) | BIT(LINES) | BIT(RECEIVED_AT_US) | BIT(RUN) |     \
     BIT(ZONES) | BIT(LATE) | BIT(SOURCE))

/* ASCII within the record. */
typedef struct {
    const char *start;
    Py_ssize_t length;
} Text;

/* Satellites by constellation. */
typedef struct {
    unsigned known; /* a bit for each of CONSTELLATIONS */
    long long count[CONSTELLATION_COUNT];
} Counts;

typedef struct {
    uint32_t seen;  /* BIT() of the fields that are there */
    uint32_t known; /* BIT() of the measures that are not null */
    int quality;    /* index of QUALITIES */
    bool beidou_talker, late;
    long long time_us, lines, received_at_us, partition, offset;
    Text terminal, run;
    Scan zones; /* at the first of them */
    Py_ssize_t zone_count, zone_bytes;
    Counts used_by, in_view_by;
    Number measure[FIELDS]; /* those that are known */
} Enriched;

/* {"gps":7,"beidou":9} or null. */
static inline bool scan_counts(Scan *scan, Counts *counts)
{
    if (take_word(scan, "null", 4))
        return true;
    if (!take(scan, '{'))
        return false;
    if (take(scan, '}'))
        return true;
    do {
        Text name;
        long long count;
        if (!take_text(scan, &name.start, &name.length) || !take(scan, ':') ||
            !take_integer(scan, &count))
            return false;
        for (int each = 0; each < CONSTELLATION_COUNT; each++) {
            if ((size_t)name.length != strlen(CONSTELLATIONS[each]) ||
                memcmp(name.start, CONSTELLATIONS[each], (size_t)name.length) != 0)
                continue;
            if (counts->known & BIT(each))
                return false;
            counts->known |= BIT(each);
            counts->count[each] = count;
        }
    } while (take(scan, ','));
    return take(scan, '}');
}

static inline bool scan_zones(Scan *scan, Enriched *record)
{
    if (!take(scan, '['))
        return false;
    record->zones = *scan;
    if (take(scan, ']'))
        return true;
    do {
        Text zone;
        if (!take_text(scan, &zone.start, &zone.length))
            return false;
        record->zone_count++;
        record->zone_bytes += zone.length;
    } while (take(scan, ','));
    return take(scan, ']');
}

/* The zone at which `zones` is, which goes on to the next one. */
static inline Text next_zone(Scan *zones)
{
    Text zone = {NULL, 0};
    take_text(zones, &zone.start, &zone.length);
    take(zones, ',');
    return zone;
}

static inline bool scan_name(Scan *scan, Text *name)
{
    return take_text(scan, &name->start, &name->length) && name->length <= MOST_TEXT;
}

/* A number or null. */
static inline bool scan_measure(Scan *scan, int field, Enriched *record)
{
    if (take_word(scan, "null", 4))
        return true;
    if (!(MEASURES & BIT(field)))
        return skip_number(scan);
    record->known |= BIT(field);
    return scan_number(scan, &record->measure[field]);
}

static inline bool scan_field(Scan *scan, int field, Enriched *record)
{
    record->seen |= BIT(field);
    switch (field) {
    case TERMINAL:
        return scan_name(scan, &record->terminal);
    case RUN:
        return scan_name(scan, &record->run);
    case TIME_US:
        return take_integer(scan, &record->time_us);
    case FIX:
        return take_quality(scan, &record->quality);
    case TALKERS:
        return take_talkers(scan, &record->beidou_talker);
    case LINES:
        return take_integer(scan, &record->lines) && record->lines >= 0 &&
               record->lines <= MOST_LINES;
    case RECEIVED_AT_US:
        return take_integer(scan, &record->received_at_us);
    case SATELLITES_USED_BY:
        return scan_counts(scan, &record->used_by);
    case SATELLITES_IN_VIEW_BY:
        return scan_counts(scan, &record->in_view_by);
    case ZONES:
        return scan_zones(scan, record);
    case LATE:
        return take_late(scan, &record->late);
    case SOURCE:
        return take(scan, '[') && take_integer(scan, &record->partition) && take(scan, ',') &&
               take_integer(scan, &record->offset) && take(scan, ']');
    default:
        return scan_measure(scan, field, record);
    }
}

/* Read a whole record; false for one that is not plain. Texts of the result lie within the bytes.
 * Sets no exception. */
static bool scan_record(PyObject *bytes, Enriched *record)
{
    memset(record, 0, offsetof(Enriched, measure));
    if (!PyBytes_CheckExact(bytes))
        return false;
    Scan scan = {PyBytes_AS_STRING(bytes), PyBytes_AS_STRING(bytes) + PyBytes_GET_SIZE(bytes)};
    if (!take(&scan, '{'))
        return false;
    /* In the order in which they are mostly written: there each name is a constant, which compilers
     * compare in words. */
#define SCAN_NEXT(field, text)                                                                   \
    if (take_word(&scan, "\"" text "\":", sizeof("\"" text "\":") - 1)) {                        \
        if (!scan_field(&scan, field, record))                                                   \
            return false;                                                                        \
        if (!take(&scan, ','))                                                                   \
            goto ended;                                                                          \
    }
    FIX_FIELDS(SCAN_NEXT)
#undef SCAN_NEXT
    do {
        int field = 0;
        while (field < FIELDS && !take_word(&scan, FIELD[field].name, FIELD[field].length))
            field++;
        if (field == FIELDS || record->seen & BIT(field) || !scan_field(&scan, field, record))
            return false;
    } while (take(&scan, ','));
ended:
    return take(&scan, '}') && scan.at == scan.end && (record->seen & NEEDED) == NEEDED;
}

/* See _has_beidou() of positions.py. */
static inline bool has_beidou(const Enriched *record)
{
    enum { BEIDOU = CONSTELLATION_COUNT - 1 };
    if (record->used_by.known & BIT(BEIDOU))
        return record->used_by.count[BEIDOU] != 0;
    return record->beidou_talker;
}

#endif
