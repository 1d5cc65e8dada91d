/* Records of the topics of fixes, as services/codec.py writes them: JSON without spaces, texts of
 * printable ASCII, known fields only. Of every other record the functions here say nothing (they
 * return false or NULL, without an exception), and Python code reads it.
 */
#ifndef DIPPER_RECORD_H
#define DIPPER_RECORD_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINES 65535

/* ---- Scanning JSON ------------------------------------------------------------------------ */

/* The unread rest of a record. bytes objects end with a NUL that belongs to no record, so looking
 * at *at is always allowed. */
typedef struct {
    const char *at;
    const char *end;
} Scan;

static inline bool take(Scan *scan, char wanted)
{
    if (*scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static inline __attribute__((always_inline)) bool take_word(Scan *scan, const char *word, size_t length)
{
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

/* A string of printable ASCII without escapes: its text lies in the record itself. */
static inline bool take_text(Scan *scan, const char **text, Py_ssize_t *length)
{
    if (!take(scan, '"'))
        return false;
    const char *start = scan->at;
    const char *at = start;
    while (*at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
        at++;
    if (*at != '"')
        return false;
    *text = start;
    *length = at - start;
    scan->at = at + 1;
    return true;
}

static inline bool is_digit(char one)
{
    return one >= '0' && one <= '9';
}

/* Eight digits at once, most significant first in memory: pairs, then fours, then all of them are
 * put together by one multiplication each (D. Lemire, "Quickly parsing eight digits"). */
static inline bool eight_digits(const char *at, uint64_t *value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t bytes;
    memcpy(&bytes, at, 8);
    if (((bytes & 0xF0F0F0F0F0F0F0F0) |
         (((bytes + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) != 0x3333333333333333)
        return false;
    bytes -= 0x3030303030303030;
    bytes = bytes * 10 + (bytes >> 8);
    *value = ((bytes & 0x000000FF000000FF) * 0x000F424000000064 +
              ((bytes >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >> 32;
    return true;
#else
    (void)at, (void)value;
    return false;
#endif
}

/* The next digits, at most so many, put behind those of number; the place after them. */
static inline const char *take_digits(const char *at, const char *end, int most, uint64_t *number)
{
    uint64_t eight;
    while (most >= 8 && end - at >= 8 && eight_digits(at, &eight)) {
        *number = *number * 100000000 + eight;
        at += 8;
        most -= 8;
    }
    while (most-- > 0 && is_digit(*at))
        *number = *number * 10 + (uint64_t)(*at++ - '0');
    return at;
}

static inline bool take_integer(Scan *scan, long long *value)
{
    bool negative = *scan->at == '-';
    const char *start = scan->at + negative;
    uint64_t number = 0;
    const char *at = take_digits(start, scan->end, 18, &number);
    if (at == start || is_digit(*at) || *at == '.' || *at == 'e' || *at == 'E')
        return false;
    if (*start == '0' && (at - start > 1 || negative))
        return false;
    *value = negative ? -(long long)number : (long long)number;
    scan->at = at;
    return true;
}

static const uint64_t POWERS_OF_TEN[20] = {
    1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL,
    1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL,
    100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL,
    1000000000000000000ULL, 10000000000000000000ULL,
};

/* digits / 10**places, rounded as IEEE 754 asks (to nearest, ties to even): by an exact division
 * of integers whose quotient has more than the 53 bits that are kept. */
static inline double decimal(uint64_t digits, int places)
{
    if (digits == 0)
        return 0.0;
    /* Both sides exact as doubles: one rounding (Clinger 1990). 10**22 is the last such power. */
    if (digits < (1ULL << 53))
        return (double)digits / (double)POWERS_OF_TEN[places];
    int shift = __builtin_clzll(digits);
    unsigned __int128 dividend = (unsigned __int128)(digits << shift) << 64;
    uint64_t divisor = POWERS_OF_TEN[places];
    unsigned __int128 quotient = dividend / divisor;
    bool inexact = dividend % divisor != 0;
    /* dividend >= 2**127 and divisor < 2**64, so the quotient has 64 bits at least. */
    uint64_t high = (uint64_t)(quotient >> 64);
    int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)quotient);
    int surplus = bits - 53;
    uint64_t kept = (uint64_t)(quotient >> surplus);
    unsigned __int128 rest = quotient & (((unsigned __int128)1 << surplus) - 1);
    unsigned __int128 half = (unsigned __int128)1 << (surplus - 1);
    if (rest > half || (rest == half && (inexact || (kept & 1))))
        kept++;
    return ldexp((double)kept, surplus - 64 - shift);
}

/* A JSON number as it is spelt: digits / 10**places, an integer if that is 0. */
typedef struct {
    uint64_t digits;
    int places;
    bool negative;
} Number;

static inline double as_double(Number number)
{
    double value = decimal(number.digits, number.places);
    return number.negative ? -value : value;
}

static inline long long as_integer(Number number)
{
    return number.negative ? -(long long)number.digits : (long long)number.digits;
}

/* int or float, as JSON readers of Python give it. */
static inline PyObject *as_object(Number number)
{
    return number.places ? PyFloat_FromDouble(as_double(number))
                         : PyLong_FromLongLong(as_integer(number));
}

/* False for a number that is left to JSON readers. */
static inline bool scan_number(Scan *scan, Number *number)
{
    bool negative = *scan->at == '-';
    const char *start = scan->at + negative;
    uint64_t digits = 0;
    const char *at = take_digits(start, scan->end, 19, &digits);
    Py_ssize_t whole = at - start;
    if (whole == 0 || whole > 18 || (*start == '0' && whole > 1))
        return false;
    int places = 0;
    if (*at == '.') {
        const char *point = at;
        at = take_digits(at + 1, scan->end, 18, &digits);
        places = (int)(at - point - 1);
        if (places == 0 || is_digit(*at) || whole + places > 19)
            return false;
    }
    if (*at == 'e' || *at == 'E' || (negative && digits == 0))
        return false;
    scan->at = at;
    *number = (Number){digits, places, negative};
    return true;
}

/* NULL without an exception for a number that is left to JSON readers. */
static inline PyObject *take_number(Scan *scan)
{
    Number number;
    return scan_number(scan, &number) ? as_object(number) : NULL;
}

/* The same without the value. */
static inline bool skip_number(Scan *scan)
{
    const char *at = scan->at;
    bool negative = *at == '-';
    const char *start = at += negative;
    while (is_digit(*at))
        at++;
    Py_ssize_t whole = at - start;
    if (whole == 0 || whole > 18 || (*start == '0' && (whole > 1 || (negative && *at != '.'))))
        return false;
    if (*at == '.') {
        const char *point = at++;
        while (is_digit(*at))
            at++;
        if (at - point == 1)
            return false;
    }
    if (*at == 'e' || *at == 'E')
        return false;
    scan->at = at;
    return true;
}

/* ---- The fields of a fix ------------------------------------------------------------------- */

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

typedef struct {
    PyObject *value[FIELDS]; /* of wanted fields that are texts, numbers or zones; NULL for null */
    PyObject *used_by[CONSTELLATION_COUNT], *in_view_by[CONSTELLATION_COUNT]; /* or NULL */
    uint32_t seen;           /* BIT() of the fields that are there */
    int quality;             /* index of QUALITIES */
    bool beidou_talker, late;
    bool without_run;        /* set by a caller who does not want its value */
    long long time_us, lines, received_at_us, partition, offset;
} FixRecord;

static inline int which_field(Scan *scan)
{
    for (int field = 0; field < FIELDS; field++) {
        if (take_word(scan, FIELD[field].name, FIELD[field].length))
            return field;
    }
    return -1;
}

static inline bool take_quality(Scan *scan, int *quality)
{
    const char *text;
    Py_ssize_t length;
    if (!take_text(scan, &text, &length))
        return false;
    for (*quality = 0; *quality < QUALITY_COUNT; ++*quality)
        if ((size_t)length == strlen(QUALITIES[*quality]) &&
            memcmp(text, QUALITIES[*quality], (size_t)length) == 0)
            return true;
    return false;
}

/* {"gps":7,"beidou":9}: those of CONSTELLATIONS. */
static inline bool take_counts(Scan *scan, PyObject **counts)
{
    if (take_word(scan, "null", 4))
        return true;
    if (!take(scan, '{'))
        return false;
    if (take(scan, '}'))
        return true;
    do {
        const char *name;
        Py_ssize_t length;
        long long count;
        if (!take_text(scan, &name, &length) || !take(scan, ':') || !take_integer(scan, &count))
            return false;
        for (int each = 0; each < CONSTELLATION_COUNT; each++) {
            if ((size_t)length != strlen(CONSTELLATIONS[each]) ||
                memcmp(name, CONSTELLATIONS[each], (size_t)length) != 0)
                continue;
            if (counts[each] != NULL || (counts[each] = PyLong_FromLongLong(count)) == NULL)
                return false;
        }
    } while (take(scan, ','));
    return take(scan, '}');
}

/* ["harbour"] as a list; NULL for []. */
static inline bool take_zones(Scan *scan, PyObject **value)
{
    if (!take(scan, '['))
        return false;
    if (take(scan, ']'))
        return true;
    PyObject *zones = *value = PyList_New(0);
    if (zones == NULL)
        return false;
    do {
        const char *text;
        Py_ssize_t length;
        if (!take_text(scan, &text, &length))
            return false;
        PyObject *zone = PyUnicode_DecodeASCII(text, length, NULL);
        int failed = zone == NULL || PyList_Append(zones, zone);
        Py_XDECREF(zone);
        if (failed)
            return false;
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
        const char *text;
        Py_ssize_t length;
        if (!take_text(scan, &text, &length))
            return false;
        if (length == 2 && (memcmp(text, "BD", 2) == 0 || memcmp(text, "GB", 2) == 0 ||
                            memcmp(text, "PQ", 2) == 0))
            *beidou = true;
    } while (take(scan, ','));
    return take(scan, ']');
}

static inline bool take_string(Scan *scan, bool wanted, PyObject **value)
{
    const char *text;
    Py_ssize_t length;
    if (!take_text(scan, &text, &length) || length > 255)
        return false;
    if (!wanted)
        return true;
    *value = PyUnicode_DecodeASCII(text, length, NULL);
    return *value != NULL;
}

static inline bool take_late(Scan *scan, bool *late)
{
    *late = take_word(scan, "true", 4);
    return *late || take_word(scan, "false", 5);
}

/* A number or null; an object only if it is wanted. */
static inline bool take_measure(Scan *scan, bool wanted, PyObject **value)
{
    if (take_word(scan, "null", 4))
        return true;
    if (!wanted)
        return skip_number(scan);
    *value = take_number(scan);
    return *value != NULL;
}

static inline __attribute__((always_inline)) bool take_field(Scan *scan, int field, bool wanted, FixRecord *record)
{
    PyObject **value = &record->value[field];
    switch (field) {
    case TERMINAL:
        return take_string(scan, true, value);
    case RUN:
        return take_string(scan, !record->without_run, value);
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
        return take_counts(scan, record->used_by);
    case SATELLITES_IN_VIEW_BY:
        return take_counts(scan, record->in_view_by);
    case ZONES:
        return take_zones(scan, value);
    case LATE:
        return take_late(scan, &record->late);
    case SOURCE:
        return take(scan, '[') && take_integer(scan, &record->partition) && take(scan, ',') &&
               take_integer(scan, &record->offset) && take(scan, ']');
    default:
        return take_measure(scan, wanted, value);
    }
}

/* Read a whole record: with values of the wanted fields, having all the needed ones. The caller
 * clears it in any case. An exception may be set if the result is false. */
static inline bool take_record(PyObject *bytes, uint32_t wanted, uint32_t needed,
                               FixRecord *record)
{
    if (!PyBytes_CheckExact(bytes))
        return false;
    const char *start = PyBytes_AS_STRING(bytes);
    Scan scan = {start, start + PyBytes_GET_SIZE(bytes)};
    if (!take(&scan, '{'))
        return false;
    /* In the order in which they are mostly written every name is a constant, which compilers
     * compare in words. */
#define TAKE_NEXT(name, text)                                                                    \
    if (take_word(&scan, "\"" text "\":", sizeof("\"" text "\":") - 1)) {                        \
        if (!take_field(&scan, name, (wanted & BIT(name)) != 0, record))                         \
            return false;                                                                        \
        record->seen |= BIT(name);                                                               \
        if (!take(&scan, ','))                                                                   \
            goto ended;                                                                          \
    }
    FIX_FIELDS(TAKE_NEXT)
#undef TAKE_NEXT
    do {
        int field = which_field(&scan);
        if (field < 0 || record->seen & BIT(field) ||
            !take_field(&scan, field, (wanted & BIT(field)) != 0, record))
            return false;
        record->seen |= BIT(field);
    } while (take(&scan, ','));
ended:
    return take(&scan, '}') && scan.at == scan.end && (record->seen & needed) == needed;
}

static inline void clear_record(FixRecord *record)
{
    for (int field = 0; field < FIELDS; field++)
        Py_CLEAR(record->value[field]);
    for (int each = 0; each < CONSTELLATION_COUNT; each++) {
        Py_CLEAR(record->used_by[each]);
        Py_CLEAR(record->in_view_by[each]);
    }
}

#endif
