/* Writing JSON as orjson does: the same bytes, or nothing ("not plain"; Python code then writes).
 */
#ifndef DIPPER_WRITING_H
#define DIPPER_WRITING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A record in the making. The largest that is plain fits: see TEXT_BYTES and fixes.c. */
typedef struct {
    char *at;
    const char *end;
} Writer;

#define NUMBER_BYTES 24
#define TEXT_BYTES 128

static inline bool put_bytes(Writer *writer, const char *bytes, size_t length)
{
    if ((size_t)(writer->end - writer->at) < length)
        return false;
    memcpy(writer->at, bytes, length);
    writer->at += length;
    return true;
}

#define PUT(writer, literal) put_bytes(writer, literal, sizeof(literal) - 1)

static inline bool put_digits(Writer *writer, uint64_t number)
{
    char digits[20];
    char *start = digits + sizeof digits;
    do {
        *--start = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return put_bytes(writer, start, (size_t)(digits + sizeof digits - start));
}

static inline bool put_whole(Writer *writer, PyObject *number)
{
    int overflow;
    if (!PyLong_CheckExact(number))
        return false;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow)
        return false;
    if (value >= 0)
        return put_digits(writer, (uint64_t)value);
    return PUT(writer, "-") && put_digits(writer, -(uint64_t)value);
}

/* Printable ASCII that JSON does not escape. */
static inline bool put_text(Writer *writer, PyObject *text)
{
    if (!PyUnicode_CheckExact(text) || !PyUnicode_IS_COMPACT_ASCII(text))
        return false;
    const char *bytes = (const char *)PyUnicode_1BYTE_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if (length > TEXT_BYTES)
        return false;
    for (Py_ssize_t i = 0; i < length; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
            return false;
    }
    return PUT(writer, "\"") && put_bytes(writer, bytes, (size_t)length) && PUT(writer, "\"");
}

/* Doubles from LEAST_REAL to below BEYOND_REAL are written without an exponent, and have at most
 * MOST_PLACES decimals that tell them from their neighbours: 17 digits always do. */
#define LEAST_REAL 1e-3
#define BEYOND_REAL 1e9
#define MOST_PLACES 20

static const uint64_t TENS[MOST_PLACES] = {
    1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL,
    1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL,
    100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL,
    1000000000000000000ULL, 10000000000000000000ULL,
};

typedef unsigned __int128 Wide;

/* mantissa / 2**shift to so many decimals: a number of 10**-places, and how far that is from it, in
 * units of 2**-shift / 10**places. Exact: mantissa * 10**19 has less than 53 + 64 bits. */
static inline uint64_t rounded(uint64_t mantissa, int shift, int places, Wide *away)
{
    Wide scaled = mantissa * (Wide)TENS[places];
    Wide one = (Wide)1 << shift;
    Wide above = scaled & (one - 1);
    bool up = 2 * above >= one;
    *away = up ? one - above : above;
    return (uint64_t)(scaled >> shift) + up;
}

/* The shortest number that reads as this double, and of several the nearest, as orjson and repr()
 * write it (G. L. Steele and J. L. White, How to Print Floating-Point Numbers Accurately, 1990).
 * Where two are as near, that is left to them. */
static inline bool put_real(Writer *writer, PyObject *number)
{
    if (!PyFloat_CheckExact(number))
        return false;
    double value = PyFloat_AS_DOUBLE(number);
    if (value == 0.0)
        return signbit(value) ? PUT(writer, "-0.0") : PUT(writer, "0.0");
    double magnitude = fabs(value);
    if (!(magnitude >= LEAST_REAL && magnitude < BEYOND_REAL))
        return false;
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    int shift = 1075 - (int)(bits >> 52);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    uint64_t mantissa = fraction | UINT64_C(1) << 52;
    Wide away;
    int places = 0, most = MOST_PLACES - 1;
    while (places < most) {
        int middle = (places + most) / 2;
        rounded(mantissa, shift, middle, &away);
        /* Less than half the distance to the next double. What so many decimals tell from its
         * neighbours, more tell, too. */
        if (2 * away < TENS[middle])
            most = middle;
        else
            places = middle + 1;
    }
    uint64_t digits = rounded(mantissa, shift, places, &away);
    /* Below a power of two the next double is only half as far. */
    if (2 * away >= TENS[places] || 2 * away == (Wide)1 << shift || (fraction == 0 && away != 0))
        return false;
    if (value < 0 && !PUT(writer, "-"))
        return false;
    if (places == 0)
        return put_digits(writer, digits) && PUT(writer, ".0");
    char decimals[MOST_PLACES];
    uint64_t rest = digits % TENS[places];
    for (int i = places; i-- > 0; rest /= 10)
        decimals[i] = (char)('0' + rest % 10);
    return put_digits(writer, digits / TENS[places]) && PUT(writer, ".") &&
           put_bytes(writer, decimals, (size_t)places);
}

#endif
