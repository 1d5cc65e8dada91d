/* A line to its reading: what is a plain line, and whose (services/nmea/read.py).
 */
#ifndef DIPPER_LINES_H
#define DIPPER_LINES_H

#include <Python.h>

#include "sentences.h"

#define LONGEST 132
#define SHORTEST 10 /* $GPRMC,*hh */
#define LETTERS 26
#define LETTERS_AND_DIGITS 36

static bool is_set_up(void)
{
    if (constellation_function != NULL)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "setup() comes first");
    return false;
}

/* By first and second letter. */
static Talker talkers[LETTERS][LETTERS_AND_DIGITS];

/* NULL with an exception if the memory lacks. */
static Talker *new_talker(Talker *talker, const char *letters)
{
    PyObject *name = PyUnicode_FromStringAndSize(letters, 2);
    if (name == NULL)
        return NULL;
    PyUnicode_InternInPlace(&name);
    PyObject *constellation = PyDict_GetItemWithError(constellation_by_talker, name);
    if (constellation == NULL && PyErr_Occurred()) {
        Py_DECREF(name);
        return NULL;
    }
    talker->constellation = Py_XNewRef(constellation);
    talker->is_gp = memcmp(letters, "GP", 2) == 0;
    talker->is_pq = memcmp(letters, "PQ", 2) == 0;
    talker->name = name;
    return talker;
}

/* NULL without an exception if no talker is called so. */
static inline Talker *talker_of(const char *letters)
{
    char first = letters[0], second = letters[1];
    /* P marks proprietary sentences, but Quectel sends PQ as a talker. */
    if (!is_letter(first) || (first == 'P' && second != 'Q'))
        return NULL;
    int column;
    if (is_letter(second))
        column = second - 'A';
    else if (is_digit(second))
        column = LETTERS + second - '0';
    else
        return NULL;
    Talker *talker = &talkers[first - 'A'][column];
    return talker->name != NULL ? talker : new_talker(talker, letters);
}

static inline int hexadecimal(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cut the body at its commas. False if the checksum does not hold or the body is not plain. */
static inline bool split(const char *line, Py_ssize_t length, Fields *fields)
{
    const char *at = line + 1, *end = line + length - 3, *start = at;
    unsigned char sum = 0;
    int count = 0;
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        sum ^= c;
        if (c == ',') {
            if (count == FIELDS_AND_ADDRESS - 1)
                return false;
            fields->field[count++] = (Field){start, (int)(at - start)};
            start = at + 1;
        } else if (c == '$') {
            return false;
        }
    }
    fields->field[count++] = (Field){start, (int)(end - start)};
    fields->count = count;
    int high = hexadecimal(end[1]), low = hexadecimal(end[2]);
    return *end == '*' && high >= 0 && low >= 0 && sum == (high << 4 | low);
}

#define CODE(a, b, c) ((a) << 16 | (b) << 8 | (c))

/* A new reference; NULL without an exception if the line is not plain or has more fields, besides
 * the address, than ``max_fields``. */
static PyObject *plain_reading(const char *bytes, Py_ssize_t length, long long max_fields)
{
    if (length < SHORTEST || length > LONGEST || bytes[0] != '$' || bytes[6] != ',')
        return NULL;
    Fields fields;
    if (!split(bytes, length, &fields) || fields.count - 1 > max_fields)
        return NULL;
    Talker *talker = talker_of(bytes + 1);
    if (talker == NULL)
        return NULL;
    switch (CODE(bytes[3], bytes[4], bytes[5])) {
    case CODE('R', 'M', 'C'): return read_rmc(talker, &fields);
    case CODE('G', 'G', 'A'): return read_gga(talker, &fields);
    case CODE('G', 'N', 'S'): return read_gns(talker, &fields);
    case CODE('G', 'L', 'L'): return read_gll(talker, &fields);
    case CODE('V', 'T', 'G'): return read_vtg(talker, &fields);
    case CODE('Z', 'D', 'A'): return read_zda(talker, &fields);
    case CODE('G', 'S', 'A'): return read_gsa(talker, &fields);
    case CODE('G', 'S', 'V'): return read_gsv(talker, &fields);
    case CODE('G', 'S', 'T'): return read_gst(talker, &fields);
    case CODE('H', 'D', 'T'): return read_hdt(talker, &fields);
    case CODE('T', 'H', 'S'): return read_ths(talker, &fields);
    default: return NULL;
    }
}

#endif
