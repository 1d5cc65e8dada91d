/* Records of the topics of fixes, as services/codec.py writes them: known fields only. They are read
 * without making a Python object of any field. Of every other record the functions here say nothing
 * (they return false, without an exception), and Python code reads it.
 */
#ifndef DIPPER_RECORD_H
#define DIPPER_RECORD_H

#include "scanning.h"

#include <stddef.h>
#include <stdlib.h>

#define MOST_LINES 65535
#define MOST_TEXT 255 /* bytes of a name */

/* In the order in which they are mostly written; from ZONES on only in enriched fixes. */
#define FIX_FIELDS(FIELD)                                                                        \
    FIELD(TERMINAL, "terminal")                                                                  \
    FIELD(TIME_US, "time_us")                                                                    \
    FIELD(TIME_OF_DAY_US, "time_of_day_us")                                                      \
    FIELD(LAT, "lat")                                                                            \
    FIELD(LON, "lon")                                                                            \
    FIELD(ALTITUDE_M, "altitude_m")                                                              \
    FIELD(GEOID_SEPARATION_M, "geoid_separation_m")                                              \
    FIELD(SPEED_KMH, "speed_kmh")                                                                \
    FIELD(COURSE_DEG, "course_deg")                                                              \
    FIELD(FIX, "fix")                                                                            \
    FIELD(SATELLITES_USED, "satellites_used")                                                    \
    FIELD(HDOP, "hdop")                                                                          \
    FIELD(TALKERS, "talkers")                                                                    \
    FIELD(LINES, "lines")                                                                        \
    FIELD(RECEIVED_AT_US, "received_at_us")                                                      \
    FIELD(RUN, "run")                                                                            \
    FIELD(HEADING_DEG, "heading_deg")                                                            \
    FIELD(SATELLITES_USED_BY, "satellites_used_by")                                              \
    FIELD(SATELLITES_IN_VIEW_BY, "satellites_in_view_by")                                        \
    FIELD(VDOP, "vdop")                                                                          \
    FIELD(PDOP, "pdop")                                                                          \
    FIELD(LAT_ERROR_M, "lat_error_m")                                                            \
    FIELD(LON_ERROR_M, "lon_error_m")                                                            \
    FIELD(ALTITUDE_ERROR_M, "altitude_error_m")                                                  \
    FIELD(DIFFERENTIAL_AGE_S, "differential_age_s")                                              \
    FIELD(ZONES, "zones")                                                                        \
    FIELD(LATE, "late")                                                                          \
    FIELD(SOURCE, "source")

#define AS_NUMBER(name, text) name,
enum { FIX_FIELDS(AS_NUMBER) FIELDS };
#undef AS_NUMBER

static const struct {
    const char *name;
    size_t length;
} FIELD[FIELDS] = {
#define AS_NAME(name, text) {"\"" text "\":", sizeof("\"" text "\":") - 1},
    FIX_FIELDS(AS_NAME)
#undef AS_NAME
};

#define BIT(field) (1U << (field))

static const char *const QUALITIES[] = {
    "none", "gnss", "dgnss", "pps", "rtk_fixed", "rtk_float", "estimated", "manual", "simulated",
};
#define QUALITY_COUNT ((int)(sizeof QUALITIES / sizeof *QUALITIES))

static const char *const CONSTELLATIONS[] = {"gps", "glonass", "galileo", "beidou"};
#define CONSTELLATION_COUNT 4

/* Satellites by constellation. */
typedef struct {
    unsigned known; /* a bit for each of CONSTELLATIONS */
    long long count[CONSTELLATION_COUNT];
} Counts;

typedef struct {
    uint32_t seen;  /* BIT() of the fields that are there */
    uint32_t known; /* BIT() of the wanted measures that are not null */
    int quality;    /* index of QUALITIES */
    bool beidou_talker, late;
    long long time_us, lines, received_at_us, partition, offset;
    Text terminal, run;
    Scan zones; /* at the first of them */
    Py_ssize_t zone_count, zone_bytes;
    Counts used_by, in_view_by;
    Number measure[FIELDS]; /* those that are known */
} FixRecord;

static inline bool is_text(Text text, const char *other)
{
    return (size_t)text.length == strlen(other) &&
           memcmp(text.start, other, (size_t)text.length) == 0;
}

static inline bool take_quality(Scan *scan, int *quality)
{
    Text text;
    if (!take_text(scan, &text))
        return false;
    for (*quality = 0; *quality < QUALITY_COUNT; ++*quality)
        if (is_text(text, QUALITIES[*quality]))
            return true;
    return false;
}

/* {"gps":7,"beidou":9} or null. */
static inline bool take_counts(Scan *scan, Counts *counts)
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
        if (!take_text(scan, &name) || !take(scan, ':') || !take_integer(scan, &count))
            return false;
        for (int each = 0; each < CONSTELLATION_COUNT; each++) {
            if (!is_text(name, CONSTELLATIONS[each]))
                continue;
            if (counts->known & BIT(each))
                return false;
            counts->known |= BIT(each);
            counts->count[each] = count;
        }
    } while (take(scan, ','));
    return take(scan, '}');
}

static inline bool take_zones(Scan *scan, FixRecord *record)
{
    if (!take(scan, '['))
        return false;
    record->zones = *scan;
    if (take(scan, ']'))
        return true;
    do {
        Text zone;
        if (!take_text(scan, &zone))
            return false;
        record->zone_count++;
        record->zone_bytes += zone.length;
    } while (take(scan, ','));
    return take(scan, ']');
}

static inline bool take_talkers(Scan *scan, bool *beidou)
{
    if (!take(scan, '['))
        return false;
    if (take(scan, ']'))
        return true;
    do {
        Text talker;
        if (!take_text(scan, &talker))
            return false;
        if (is_text(talker, "BD") || is_text(talker, "GB") || is_text(talker, "PQ"))
            *beidou = true;
    } while (take(scan, ','));
    return take(scan, ']');
}

static inline bool take_name(Scan *scan, Text *name)
{
    return take_text(scan, name) && name->length <= MOST_TEXT;
}

static inline bool take_late(Scan *scan, bool *late)
{
    *late = take_word(scan, "true", 4);
    return *late || take_word(scan, "false", 5);
}

/* A number or null. */
static inline bool take_measure(Scan *scan, int field, uint32_t wanted, FixRecord *record)
{
    if (take_word(scan, "null", 4))
        return true;
    if (!(wanted & BIT(field)))
        return skip_number(scan);
    record->known |= BIT(field);
    return scan_number(scan, &record->measure[field]);
}

static inline __attribute__((always_inline)) bool
take_field(Scan *scan, int field, uint32_t wanted, FixRecord *record)
{
    record->seen |= BIT(field);
    switch (field) {
    case TERMINAL:
        return take_name(scan, &record->terminal);
    case RUN:
        return take_name(scan, &record->run);
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
        return take_counts(scan, &record->used_by);
    case SATELLITES_IN_VIEW_BY:
        return take_counts(scan, &record->in_view_by);
    case ZONES:
        return take_zones(scan, record);
    case LATE:
        return take_late(scan, &record->late);
    case SOURCE:
        return take(scan, '[') && take_integer(scan, &record->partition) && take(scan, ',') &&
               take_integer(scan, &record->offset) && take(scan, ']');
    default:
        return take_measure(scan, field, wanted, record);
    }
}

/* Read a whole record that has all the needed fields, with the numbers of the wanted measures. Texts
 * of the result lie within the bytes. */
static inline bool take_record(PyObject *bytes, uint32_t wanted, uint32_t needed,
                               FixRecord *record)
{
    memset(record, 0, offsetof(FixRecord, measure));
    if (!PyBytes_CheckExact(bytes))
        return false;
    const char *start = PyBytes_AS_STRING(bytes);
    Scan scan = {start, start + PyBytes_GET_SIZE(bytes)};
    if (!take(&scan, '{'))
        return false;
    /* In the order in which they are mostly written every name is a constant, which compilers
     * compare in words. */
#define TAKE_NEXT(field, text)                                                                   \
    if (take_word(&scan, "\"" text "\":", sizeof("\"" text "\":") - 1)) {                        \
        if (!take_field(&scan, field, wanted, record))                                           \
            return false;                                                                        \
        if (!take(&scan, ','))                                                                   \
            goto ended;                                                                          \
    }
    FIX_FIELDS(TAKE_NEXT)
#undef TAKE_NEXT
    do {
        int field = 0;
        while (field < FIELDS && !take_word(&scan, FIELD[field].name, FIELD[field].length))
            field++;
        if (field == FIELDS || record->seen & BIT(field) ||
            !take_field(&scan, field, wanted, record))
            return false;
    } while (take(&scan, ','));
ended:
    return take(&scan, '}') && scan.at == scan.end && (record->seen & needed) == needed;
}

static inline PyObject *text_object(Text text)
{
    return PyUnicode_DecodeASCII(text.start, text.length, NULL);
}

/* The number of a measure, None if it is not known. */
static inline PyObject *measure_object(const FixRecord *record, int field)
{
    return record->known & BIT(field) ? as_object(record->measure[field]) : Py_NewRef(Py_None);
}

#endif
