/* One function for each kind of sentence: fields to the reading, as the Python module of the same
 * name makes it (services/nmea/rmc.py …, which say what stands in which field).
 *
 * Each gives a new reference; or NULL without an exception for a sentence that is not plain; or
 * NULL with one, which is a lack of memory or an exception of Python code that was called.
 */
#ifndef DIPPER_SENTENCES_H
#define DIPPER_SENTENCES_H

#include "../../native/module.h"
#include "fields.h"

/* The kinds, with the fields of their types: setup() refuses types that have others. */
#define KINDS(KIND)                                                                              \
    KIND(RMC, "talker time_of_day_us valid lat lon speed_kmh course_deg date_days mode")         \
    KIND(GGA, "talker time_of_day_us lat lon quality satellites_used hdop altitude_m "           \
              "geoid_separation_m differential_age_s")                                           \
    KIND(GNS, "talker time_of_day_us lat lon mode satellites_used hdop altitude_m "              \
              "geoid_separation_m differential_age_s")                                           \
    KIND(GLL, "talker lat lon time_of_day_us valid mode")                                        \
    KIND(VTG, "talker course_deg speed_kmh mode")                                                \
    KIND(ZDA, "talker time_of_day_us date_days")                                                 \
    KIND(GSA, "talker mode satellites pdop hdop vdop system")                                    \
    KIND(GSV, "talker total number in_view constellation signal satellites")                     \
    KIND(GST, "talker time_of_day_us lat_error_m lon_error_m altitude_error_m")                  \
    KIND(HDT, "talker heading_deg")                                                              \
    KIND(THS, "talker heading_deg mode")

#define AS_NUMBER(name, fields) name,
enum Kind { KINDS(AS_NUMBER) HOW_MANY_KINDS };
#undef AS_NUMBER

typedef struct {
    PyObject *name;          /* str of two letters; NULL until the talker is heard */
    PyObject *constellation; /* str, or NULL if the talker names none */
    bool is_gp, is_pq;
} Talker;

/* What setup() was given: the NamedTuples and services/nmea/constellations.py. */
static PyTypeObject *types[HOW_MANY_KINDS];
static PyObject *constellation_function;  /* (talker, satellites) -> str */
static PyObject *constellation_by_talker; /* dict[str, str] */
static PyObject *constellation_by_system[256]; /* by the system id's one byte */
static PyObject *unknown_constellation;

/* An empty NamedTuple. The garbage collector need not know it: its items refer to nothing. */
static inline PyObject *new_reading(enum Kind kind, const Talker *talker)
{
    static const Py_ssize_t SIZES[] = {9, 10, 10, 6, 4, 3, 7, 7, 5, 2, 3};
    PyObject *reading = new_tuple(types[kind], SIZES[kind]);
    if (reading == NULL)
        return NULL;
    PyObject_GC_UnTrack(reading);
    PyTuple_SET_ITEM(reading, 0, Py_NewRef(talker->name));
    return reading;
}

/* ``reading``, unless one of its items could not be made. */
static inline PyObject *finished(PyObject *reading)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(reading); i++) {
        if (PyTuple_GET_ITEM(reading, i) == NULL) {
            Py_DECREF(reading);
            return NULL;
        }
    }
    return reading;
}

static inline PyObject *from_decimal(Decimal decimal)
{
    return decimal.there ? PyFloat_FromDouble(decimal.value) : Py_NewRef(Py_None);
}

static inline PyObject *from_whole(Whole whole)
{
    return whole.there ? PyLong_FromLongLong(whole.value) : Py_NewRef(Py_None);
}

static inline PyObject *from_letter(char letter)
{
    return letter == '\0' ? Py_NewRef(Py_None) : PyUnicode_FromStringAndSize(&letter, 1);
}

static inline void set_position(PyObject *reading, int place, Position position)
{
    Decimal lat = {position.there, position.lat}, lon = {position.there, position.lon};
    PyTuple_SET_ITEM(reading, place, from_decimal(lat));
    PyTuple_SET_ITEM(reading, place + 1, from_decimal(lon));
}

static PyObject *read_rmc(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    Whole time, days;
    Decimal speed, direction;
    Position where;
    bool valid;
    char mode = '\0';
    if (fields->count < 10 || fields->count > 17 || !time_of_day(field[1], &time) ||
        !status(field[2], &valid) || !position(fields, 3, &where) || !knots(field[7], &speed) ||
        !course(field[8], &direction) || !date(field[9], &days) ||
        (fields->count > 12 && !letter(field[12], &mode)))
        return NULL;
    PyObject *reading = new_reading(RMC, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_whole(time));
    PyTuple_SET_ITEM(reading, 2, PyBool_FromLong(valid));
    set_position(reading, 3, where);
    PyTuple_SET_ITEM(reading, 5, from_decimal(speed));
    PyTuple_SET_ITEM(reading, 6, from_decimal(direction));
    PyTuple_SET_ITEM(reading, 7, from_whole(days));
    PyTuple_SET_ITEM(reading, 8, from_letter(mode));
    return finished(reading);
}

/* One digit, or nothing, which is 0. */
static inline bool gga_quality(Field field, Whole *out)
{
    *out = (Whole){true, 0};
    if (field.length == 0)
        return true;
    if (field.length != 1 || !is_digit(field.start[0]))
        return false;
    out->value = is(field, '9') ? 2 : field.start[0] - '0';
    return true;
}

static PyObject *read_gga(const Talker *talker, const Fields *fields)
{
    static const Field NOTHING = {"", 0};
    const Field *field = fields->field;
    int count = fields->count;
    Whole time, quality, used;
    Decimal hdop, altitude, separation, age;
    Position where;
    /* The last fields may be missing. */
    if (count < 10 || count > 17 || !time_of_day(field[1], &time) ||
        !position(fields, 2, &where) || !gga_quality(field[6], &quality) ||
        !count_of(field[7], &used) || !dilution(field[8], &hdop) ||
        !gga_altitude(field[9], &altitude) || !is_or_empty(count > 10 ? field[10] : NOTHING, 'M') ||
        !geoid_separation(count > 11 ? field[11] : NOTHING, &separation) ||
        !is_or_empty(count > 12 ? field[12] : NOTHING, 'M') ||
        !differential_age(count > 13 ? field[13] : NOTHING, &age))
        return NULL;
    PyObject *reading = new_reading(GGA, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_whole(time));
    set_position(reading, 2, where);
    PyTuple_SET_ITEM(reading, 4, from_whole(quality));
    PyTuple_SET_ITEM(reading, 5, from_whole(used));
    PyTuple_SET_ITEM(reading, 6, from_decimal(hdop));
    PyTuple_SET_ITEM(reading, 7, from_decimal(altitude));
    PyTuple_SET_ITEM(reading, 8, from_decimal(separation));
    PyTuple_SET_ITEM(reading, 9, from_decimal(age));
    return finished(reading);
}

static PyObject *read_gns(const Talker *talker, const Fields *fields)
{
    static const Field NOTHING = {"", 0};
    const Field *field = fields->field;
    Whole time, used;
    Decimal hdop, altitude, separation, age;
    Position where;
    if (fields->count < 11 || fields->count > 17 || !time_of_day(field[1], &time) ||
        !position(fields, 2, &where) || !count_of(field[7], &used) || !dilution(field[8], &hdop) ||
        !decimal(field[9], -1e5, 1e8, &altitude) || !geoid_separation(field[10], &separation) ||
        !differential_age(fields->count > 11 ? field[11] : NOTHING, &age))
        return NULL;
    for (int i = 0; i < field[6].length; i++) {
        if (!is_letter(field[6].start[i]))
            return NULL;
    }
    PyObject *reading = new_reading(GNS, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_whole(time));
    set_position(reading, 2, where);
    PyTuple_SET_ITEM(reading, 4, PyUnicode_FromStringAndSize(field[6].start, field[6].length));
    PyTuple_SET_ITEM(reading, 5, from_whole(used));
    PyTuple_SET_ITEM(reading, 6, from_decimal(hdop));
    PyTuple_SET_ITEM(reading, 7, from_decimal(altitude));
    PyTuple_SET_ITEM(reading, 8, from_decimal(separation));
    PyTuple_SET_ITEM(reading, 9, from_decimal(age));
    return finished(reading);
}

static PyObject *read_gll(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    Whole time = {false, 0};
    Position where;
    char mode = '\0';
    if (fields->count < 5 || fields->count > 9 || !position(fields, 1, &where))
        return NULL;
    bool valid = where.there;
    if ((fields->count > 5 && !time_of_day(field[5], &time)) ||
        (fields->count > 6 && !status(field[6], &valid)) ||
        (fields->count > 7 && !letter(field[7], &mode)))
        return NULL;
    PyObject *reading = new_reading(GLL, talker);
    if (reading == NULL)
        return NULL;
    set_position(reading, 1, where);
    PyTuple_SET_ITEM(reading, 3, from_whole(time));
    PyTuple_SET_ITEM(reading, 4, PyBool_FromLong(valid));
    PyTuple_SET_ITEM(reading, 5, from_letter(mode));
    return finished(reading);
}

static PyObject *read_vtg(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    Decimal direction, speed;
    char mode = '\0';
    /* The form of before NMEA 2.0, without units, is for Python. */
    if (fields->count < 9 || fields->count > 11 || !course(field[1], &direction) ||
        !is_or_empty(field[2], 'T') || !is_or_empty(field[4], 'M') ||
        !is_or_empty(field[6], 'N') || !is_or_empty(field[8], 'K') ||
        !(field[7].length ? kmh(field[7], &speed) : knots(field[5], &speed)) ||
        (fields->count > 9 && !letter(field[9], &mode)))
        return NULL;
    PyObject *reading = new_reading(VTG, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_decimal(direction));
    PyTuple_SET_ITEM(reading, 2, from_decimal(speed));
    PyTuple_SET_ITEM(reading, 3, from_letter(mode));
    return finished(reading);
}

static PyObject *read_zda(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    Whole time, days = {false, 0};
    if (fields->count < 5 || fields->count > 9 || !time_of_day(field[1], &time))
        return NULL;
    days.there = field[2].length && field[3].length && field[4].length;
    if (days.there) {
        long long day, month, year;
        /* Years of two digits are for Python. */
        if (field[2].length > 2 || !digits(field[2].start, field[2].length, &day) ||
            field[3].length > 2 || !digits(field[3].start, field[3].length, &month) ||
            field[4].length != 4 || !digits(field[4].start, 4, &year) || year < 1980 ||
            !date_of(year, month, day, &days))
            return NULL;
    }
    PyObject *reading = new_reading(ZDA, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_whole(time));
    PyTuple_SET_ITEM(reading, 2, from_whole(days));
    return finished(reading);
}

/* The ids in every ``step``-th field from ``first`` to before ``end``, without the empty and zero
 * ones, as a tuple; and the smallest of them, if there is one. */
static PyObject *satellites_of(const Fields *fields, int first, int end, int step, Whole *smallest)
{
    long long ids[FIELDS_AND_ADDRESS];
    int count = 0;
    for (int i = first; i < end; i += step) {
        Whole id;
        if (!count_of(fields->field[i], &id))
            return NULL;
        if (!id.there || id.value == 0)
            continue;
        if (count == 0 || id.value < smallest->value)
            smallest->value = id.value;
        ids[count++] = id.value;
    }
    smallest->there = count > 0;
    PyObject *satellites = PyTuple_New(count);
    if (satellites == NULL)
        return NULL;
    for (int i = 0; i < count; i++)
        PyTuple_SET_ITEM(satellites, i, PyLong_FromLongLong(ids[i]));
    return finished(satellites);
}

/* As constellations.constellation(): where the satellites have to tell, it is asked. */
static PyObject *constellation_of(const Talker *talker, PyObject *satellites, Whole smallest)
{
    const int FIRST_OF_OTHERS = 65;
    if (talker->constellation != NULL &&
        (!talker->is_gp || !smallest.there || smallest.value < FIRST_OF_OTHERS))
        return Py_NewRef(talker->constellation);
    return PyObject_CallFunctionObjArgs(constellation_function, talker->name, satellites, NULL);
}

/* A borrowed reference; NULL without an exception if the system id names none. */
static inline PyObject *constellation_by_id(Field system)
{
    return system.length == 1 ? constellation_by_system[(unsigned char)system.start[0]] : NULL;
}

static PyObject *gsa_system(const Talker *talker, const Fields *fields, PyObject *satellites,
                            Whole smallest)
{
    if (fields->count > 18) {
        PyObject *named = constellation_by_id(fields->field[18]);
        if (named != NULL)
            return Py_NewRef(named);
    }
    PyObject *named = constellation_of(talker, satellites, smallest);
    if (named == NULL)
        return NULL;
    int unknown = PyObject_RichCompareBool(named, unknown_constellation, Py_EQ);
    if (unknown == 0)
        return named;
    Py_DECREF(named);
    return unknown < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *read_gsa(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    Whole mode = {false, 0}, smallest = {false, 0};
    Decimal pdop, hdop, vdop;
    /* Talker PQ may send QZSS's system id for BeiDou: that is for Python. */
    if (fields->count < 18 || fields->count > 19 ||
        (talker->is_pq && fields->count > 18 && is(field[18], '5')) ||
        !(is_or_empty(field[1], 'A') || is(field[1], 'M')) || field[2].length > 1 ||
        !dilution(field[15], &pdop) || !dilution(field[16], &hdop) || !dilution(field[17], &vdop))
        return NULL;
    if (field[2].length) {
        mode.there = true;
        mode.value = field[2].start[0] - '0';
        if (mode.value < 1 || mode.value > 3)
            return NULL;
    }
    PyObject *satellites = satellites_of(fields, 3, 15, 1, &smallest);
    if (satellites == NULL)
        return NULL;
    PyObject *system = gsa_system(talker, fields, satellites, smallest);
    PyObject *reading = system == NULL ? NULL : new_reading(GSA, talker);
    if (reading == NULL) {
        Py_XDECREF(system);
        Py_DECREF(satellites);
        return NULL;
    }
    PyTuple_SET_ITEM(reading, 1, from_whole(mode));
    PyTuple_SET_ITEM(reading, 2, satellites);
    PyTuple_SET_ITEM(reading, 3, from_decimal(pdop));
    PyTuple_SET_ITEM(reading, 4, from_decimal(hdop));
    PyTuple_SET_ITEM(reading, 5, from_decimal(vdop));
    PyTuple_SET_ITEM(reading, 6, system);
    return finished(reading);
}

static PyObject *read_gsv(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    int count = fields->count;
    Whole total, number, in_view, smallest = {false, 0};
    char signal = '\0';
    if (count < 4 || !count_of(field[1], &total) || !total.there || !count_of(field[2], &number) ||
        !number.there || !count_of(field[3], &in_view))
        return NULL;
    int over = (count - 4) % 4;
    PyObject *named = NULL;
    if (over == 2 && talker->is_pq) {
        named = constellation_by_id(field[--count]);
        over = 1;
    }
    if (over == 1) {
        Field last = field[--count];
        /* A signal id is one hexadecimal digit; others are for Python. */
        if (last.length > 1 || (last.length && !is_digit(last.start[0]) && !is_letter(last.start[0])))
            return NULL;
        signal = last.length ? last.start[0] : '\0';
    }
    PyObject *satellites = satellites_of(fields, 4, count, 4, &smallest);
    if (satellites == NULL)
        return NULL;
    PyObject *constellation = named != NULL ? Py_NewRef(named)
                                            : constellation_of(talker, satellites, smallest);
    PyObject *reading = constellation == NULL ? NULL : new_reading(GSV, talker);
    if (reading == NULL) {
        Py_XDECREF(constellation);
        Py_DECREF(satellites);
        return NULL;
    }
    PyTuple_SET_ITEM(reading, 1, from_whole(total));
    PyTuple_SET_ITEM(reading, 2, from_whole(number));
    PyTuple_SET_ITEM(reading, 3, from_whole(in_view));
    PyTuple_SET_ITEM(reading, 4, constellation);
    PyTuple_SET_ITEM(reading, 5, from_letter(signal));
    PyTuple_SET_ITEM(reading, 6, satellites);
    return finished(reading);
}

static PyObject *read_gst(const Talker *talker, const Fields *fields)
{
    const Field *field = fields->field;
    Whole time;
    Decimal error[3];
    if (fields->count < 9 || fields->count > 10 || !time_of_day(field[1], &time))
        return NULL;
    for (int i = 0; i < 3; i++) {
        if (!decimal(field[6 + i], 0.0, 1e9, &error[i]))
            return NULL;
    }
    PyObject *reading = new_reading(GST, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_whole(time));
    for (int i = 0; i < 3; i++)
        PyTuple_SET_ITEM(reading, 2 + i, from_decimal(error[i]));
    return finished(reading);
}

static PyObject *read_hdt(const Talker *talker, const Fields *fields)
{
    Decimal heading;
    if (fields->count < 2 || fields->count > 3 ||
        (fields->count > 2 && !is_or_empty(fields->field[2], 'T')) ||
        !course(fields->field[1], &heading))
        return NULL;
    PyObject *reading = new_reading(HDT, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_decimal(heading));
    return finished(reading);
}

static PyObject *read_ths(const Talker *talker, const Fields *fields)
{
    Decimal heading;
    char mode;
    if (fields->count != 3 || !course(fields->field[1], &heading) ||
        !letter(fields->field[2], &mode))
        return NULL;
    if (mode == 'V')
        heading.there = false;
    PyObject *reading = new_reading(THS, talker);
    if (reading == NULL)
        return NULL;
    PyTuple_SET_ITEM(reading, 1, from_decimal(heading));
    PyTuple_SET_ITEM(reading, 2, from_letter(mode));
    return finished(reading);
}

#endif
