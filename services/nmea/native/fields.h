/* Values of sentence fields: services/nmea/fields.py for plain spellings.
 *
 * Every function gives true and a value that is, bit for bit, the one of the Python code, or false:
 * "not plain". False means no error. It means that the Python code has to look, be it to refuse the
 * field or to read a spelling that receivers hardly ever send.
 */
#ifndef DIPPER_FIELDS_H
#define DIPPER_FIELDS_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Were doubles computed with more bits than they have, the last one could differ from Python's. */
#if FLT_EVAL_METHOD != 0
#error "doubles are not computed as doubles here"
#endif

#define FIELDS_AND_ADDRESS 40
#define KMH_PER_KNOT 1.852
#define MAX_KNOTS 100000.0
#define MICROSECONDS 1000000

/* What stands between two commas. */
typedef struct {
    const char *start;
    int length;
} Field;

/* A sentence cut at its commas; the address is field 0. */
typedef struct {
    Field field[FIELDS_AND_ADDRESS];
    int count;
} Fields;

/* Values that an empty field lacks. */
typedef struct {
    bool there;
    double value;
} Decimal;

typedef struct {
    bool there;
    long long value;
} Whole;

typedef struct {
    bool there;
    double lat, lon;
} Position;

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

static inline bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }

static inline bool is(Field field, char letter)
{
    return field.length == 1 && field.start[0] == letter;
}

static inline bool is_or_empty(Field field, char letter)
{
    return field.length == 0 || is(field, letter);
}

/* Digits only, at least one; at most 18, so that the value fits. */
static inline bool digits(const char *start, int length, long long *value)
{
    if (length < 1 || length > 18)
        return false;
    long long sum = 0;
    for (int i = 0; i < length; i++) {
        if (!is_digit(start[i]))
            return false;
        sum = sum * 10 + (start[i] - '0');
    }
    *value = sum;
    return true;
}

static const double POWERS_OF_TEN[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                       1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

/* An optional sign, digits, at most one point. With at most 2^53 for the digits and a power of ten
 * that a double holds exactly there is one division and so one rounding, to the nearest: what
 * float() gives (W. D. Clinger, How to Read Floating Point Numbers Accurately, 1990). */
static inline bool real(Field field, bool sign_allowed, double *value)
{
    const char *at = field.start, *end = at + field.length;
    bool negative = at < end && *at == '-';
    if (negative && !sign_allowed)
        return false;
    at += negative;
    /* Up to 19 characters: then the sum does not overflow. */
    if (end - at > 19)
        return false;
    uint64_t sum = 0;
    int count = 0;
    const char *point = NULL;
    for (; at < end; at++) {
        if (is_digit(*at)) {
            sum = sum * 10 + (uint64_t)(*at - '0');
            count++;
        } else if (*at == '.' && point == NULL) {
            point = at;
        } else {
            return false;
        }
    }
    if (count == 0 || sum > UINT64_C(1) << 53)
        return false;
    double magnitude = (double)sum / POWERS_OF_TEN[point == NULL ? 0 : end - point - 1];
    *value = negative ? -magnitude : magnitude;
    return true;
}

/* A decimal field within its bounds, as number() has it. */
static inline bool decimal(Field field, double lowest, double highest, Decimal *out)
{
    *out = (Decimal){field.length != 0, 0.0};
    if (!out->there)
        return true;
    double value;
    if (!real(field, lowest < 0.0, &value) || !(lowest <= value && value <= highest))
        return false;
    /* Adding zero keeps -0.0 out. */
    out->value = value + 0.0;
    return true;
}

/* As gga.parse, which is written out for speed and keeps -0.0. */
static inline bool gga_altitude(Field field, Decimal *out)
{
    *out = (Decimal){field.length != 0, 0.0};
    return !out->there || (real(field, true, &out->value) && -1e5 <= out->value &&
                           out->value <= 1e8);
}

static inline bool dilution(Field field, Decimal *out) { return decimal(field, 0.0, 1e5, out); }

static inline bool course(Field field, Decimal *out) { return decimal(field, 0.0, 360.0, out); }

static inline bool geoid_separation(Field field, Decimal *out)
{
    return decimal(field, -1e4, 1e4, out);
}

static inline bool differential_age(Field field, Decimal *out)
{
    return decimal(field, 0.0, 1e7, out);
}

static inline bool knots(Field field, Decimal *out)
{
    if (!decimal(field, 0.0, MAX_KNOTS, out))
        return false;
    if (out->there)
        out->value *= KMH_PER_KNOT;
    return true;
}

static inline bool kmh(Field field, Decimal *out)
{
    return decimal(field, 0.0, KMH_PER_KNOT * MAX_KNOTS, out);
}

/* 0 to 999 with or without leading zeros. */
static inline bool count_of(Field field, Whole *out)
{
    *out = (Whole){field.length != 0, 0};
    return !out->there || (field.length <= 3 && digits(field.start, field.length, &out->value));
}

/* hhmmss or hhmmss.s…, to microseconds since midnight; finer digits are cut off. */
static inline bool time_of_day(Field field, Whole *out)
{
    *out = (Whole){field.length != 0, 0};
    if (!out->there)
        return true;
    long long hour, minute, second, fraction = 0;
    const char *at = field.start;
    if (field.length < 6 || !digits(at, 2, &hour) || !digits(at + 2, 2, &minute) ||
        !digits(at + 4, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    if (field.length > 6) {
        if (at[6] != '.')
            return false;
        int scale = MICROSECONDS;
        for (int i = 7; i < field.length; i++) {
            if (!is_digit(at[i]))
                return false;
            scale /= 10;
            fraction += (at[i] - '0') * scale;
        }
    }
    out->value = ((hour * 60 + minute) * 60 + second) * MICROSECONDS + fraction;
    return true;
}

/* Days since 1970-01-01 of a date from 1970 on; false if there is no such day. */
static inline bool date_of(long long year, long long month, long long day, Whole *out)
{
    static const int BEFORE_MONTH[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int length = BEFORE_MONTH[month] - BEFORE_MONTH[month - 1] + (leap && month == 2);
    if (day > length)
        return false;
    long long before = year - 1;
    long long leaps = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    out->value = (year - 1970) * 365 + leaps + BEFORE_MONTH[month - 1] + (leap && month > 2) +
                 day - 1;
    return true;
}

static inline long long full_year(long long year) { return year < 80 ? 2000 + year : 1900 + year; }

/* ddmmyy. */
static inline bool date(Field field, Whole *out)
{
    *out = (Whole){field.length != 0, 0};
    if (!out->there)
        return true;
    long long day, month, year;
    return field.length == 6 && digits(field.start, 2, &day) &&
           digits(field.start + 2, 2, &month) && digits(field.start + 4, 2, &year) &&
           date_of(full_year(year), month, day, out);
}

/* One capital letter, or nothing: then '\0'. */
static inline bool letter(Field field, char *out)
{
    *out = field.length == 0 ? '\0' : field.start[0];
    return field.length == 0 || (field.length == 1 && is_letter(*out));
}

static inline bool status(Field field, bool *out)
{
    *out = is(field, 'A') || is(field, 'D');
    return *out || is_or_empty(field, 'V');
}

/* Degrees from ddmm.m… The operations and their order are those of fields.position. */
static inline bool angle(Field field, double highest, char plus, char minus, Field side,
                         double *out)
{
    double packed;
    if (!real(field, false, &packed) || packed > highest)
        return false;
    double minutes = fmod(packed, 100.0);
    if (minutes >= 60.0)
        return false;
    double degrees = (packed - minutes) / 100.0 + minutes / 60.0;
    if (is(side, minus))
        degrees = 0.0 - degrees;
    else if (!is(side, plus))
        return false;
    *out = degrees;
    return true;
}

/* Four fields from ``first`` on: ddmm.m…, N, dddmm.m…, E. */
static inline bool position(const Fields *fields, int first, Position *out)
{
    const Field *at = fields->field + first;
    *out = (Position){at[0].length != 0 || at[2].length != 0, 0.0, 0.0};
    return !out->there || (angle(at[0], 9000.0, 'N', 'S', at[1], &out->lat) &&
                           angle(at[2], 18000.0, 'E', 'W', at[3], &out->lon));
}

#endif
