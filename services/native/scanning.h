/* Reading JSON as Dipper writes it: without spaces, texts of printable ASCII without escapes. What is
 * spelt otherwise the functions here leave to Python code: they return false, without an exception.
 */
#ifndef DIPPER_SCANNING_H
#define DIPPER_SCANNING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

static inline __attribute__((always_inline)) bool
take_word(Scan *scan, const char *word, size_t length)
{
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

/* ASCII within the record. */
typedef struct {
    const char *start;
    Py_ssize_t length;
} Text;

static inline bool take_text(Scan *scan, Text *text)
{
    if (!take(scan, '"'))
        return false;
    const char *start = scan->at;
    const char *at = start;
    while (*at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
        at++;
    if (*at != '"')
        return false;
    *text = (Text){start, at - start};
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

#endif
