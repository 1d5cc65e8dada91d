/* Bytes as a terminal's receiver sends them most of the time: epochs one after another that are all
 * plain, complete and as the last one was. Framing, reading and assembling in one go
 * (services/nmea/framing.py, read.py and epoch.py, which say what is done with all others).
 */
#ifndef DIPPER_STREAM_H
#define DIPPER_STREAM_H

#include <Python.h>

#include "epochs.h"
#include "lines.h"

#define DAY_US INT64_C(86400000000)

typedef struct {
    const char *at, *end;
} Bytes;

static inline void skip_line_ends(Bytes *bytes)
{
    while (bytes->at < bytes->end && (*bytes->at == '\r' || *bytes->at == '\n'))
        bytes->at++;
}

/* The length of the line that begins here; -1 if it is too long to be plain, or not ended yet. */
static inline Py_ssize_t line_length(const Bytes *bytes)
{
    const char *at = bytes->at;
    const char *stop = bytes->end - at > LONGEST ? at + LONGEST + 1 : bytes->end;
    while (at < stop && *at != '\r' && *at != '\n')
        at++;
    return at < stop ? at - bytes->at : -1;
}

/* The sentences of an epoch of just these kinds and one time, which goes to *time; the bytes behind
 * it are left. A new list; NULL, mostly without an exception, if it is not all of that. */
static PyObject *take_epoch(Bytes *bytes, PyObject *kinds, long long max_fields, PyObject **time)
{
    Py_ssize_t count = PyTuple_GET_SIZE(kinds);
    PyObject *sentences = PyList_New(count);
    *time = NULL;
    for (Py_ssize_t i = 0; sentences != NULL && i < count; i++) {
        skip_line_ends(bytes);
        Py_ssize_t length = line_length(bytes);
        PyObject *reading = length < 0 ? NULL : plain_reading(bytes->at, length, max_fields);
        if (reading == NULL) {
            Py_CLEAR(sentences);
            break;
        }
        PyList_SET_ITEM(sentences, i, reading);
        if (!is_of(reading, item(kinds, i)) || !keeps_time(reading, time))
            Py_CLEAR(sentences);
        bytes->at += length;
    }
    if (sentences != NULL && *time == NULL)
        Py_CLEAR(sentences);
    skip_line_ends(bytes);
    return sentences;
}

/* What whole_epochs() was given, and what it has found. */
typedef struct {
    PyObject *terminal, *received_at_us, *run, *build_fix;
    PyObject *fixes;          /* list */
    long long left_us;        /* time of day of the last epoch */
    long long days;           /* its date, since 1970 */
} Stream;

/* 1 if it was added, 0 if that is for others to do, -1 with an exception. */
static int add_epoch(Stream *stream, PyObject *sentences, PyObject *time)
{
    PyObject *date = given_date(sentences);
    long long time_us = PyLong_AsLongLong(time);
    /* The kept date is another's business. */
    if (date == Py_None || time_us == stream->left_us)
        return 0;
    long long days = PyLong_AsLongLong(date);
    PyObject *utc_us = PyLong_FromLongLong(days * DAY_US + time_us);
    if (utc_us == NULL)
        return -1;
    PyObject *const given[] = {stream->terminal, utc_us,  time,
                               sentences, stream->received_at_us, stream->run};
    PyObject *fix = plain_fix_of(given, sentences);
    if (fix == NULL && !PyErr_Occurred())
        fix = PyObject_Vectorcall(stream->build_fix, given, 6, NULL);
    int failed = fix == NULL ? -1 : PyList_Append(stream->fixes, fix);
    Py_XDECREF(fix);
    Py_DECREF(utc_us);
    stream->left_us = time_us;
    stream->days = days;
    return failed ? -1 : 1;
}

PyDoc_STRVAR(whole_epochs_doc,
             "whole_epochs(data, start, kinds, left_time, max_fields, terminal, received_at_us, "
             "run, build_fix)\n--\n\n"
             "(fixes, where they end, time of day and date in days of the last epoch) of the "
             "epochs that data[start:] begins with, if the first is plain, dated, of just these kinds and one "
             "time other than left_time; else None.");

static PyObject *core_whole_epochs(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                   Py_ssize_t count)
{
    if (count != 9 || fix_type == NULL || !PyBytes_CheckExact(arguments[0]) ||
        !PyTuple_Check(arguments[2]) || !is_set_up()) {
        PyErr_SetString(PyExc_TypeError, "whole_epochs takes 9 arguments, after setup_fix()");
        return NULL;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]), start = PyLong_AsSsize_t(arguments[1]);
    long long left_us = arguments[3] == Py_None ? -1 : PyLong_AsLongLong(arguments[3]);
    long long max_fields = PyLong_AsLongLong(arguments[4]);
    if (PyErr_Occurred())
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_ValueError, "start lies outside of data");
        return NULL;
    }
    Stream stream = {arguments[5], arguments[6], arguments[7], arguments[8], NULL, left_us, 0};
    const char *first = PyBytes_AS_STRING(arguments[0]), *taken = first + start;
    Bytes bytes = {taken, first + size};
    PyObject *sentences, *time;
    while ((sentences = take_epoch(&bytes, arguments[2], max_fields, &time)) != NULL) {
        if (stream.fixes == NULL)
            stream.fixes = PyList_New(0);
        int added = stream.fixes == NULL ? -1 : add_epoch(&stream, sentences, time);
        Py_DECREF(sentences);
        if (added <= 0)
            break;
        taken = bytes.at;
    }
    if (PyErr_Occurred() || taken == first + start) {
        Py_XDECREF(stream.fixes);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    return Py_BuildValue("NnLL", stream.fixes, (Py_ssize_t)(taken - first), stream.left_us,
                         stream.days);
}

#endif
