/* services.store._rows: the store's hot path, compiled. Enriched fixes as rows of positions, and
 * such rows in PostgreSQL's binary format.
 *
 * read_enriched() is a shortcut of services/store/positions.py: it takes records as Dipper's own
 * enrich writes them and answers None for every other, so that what a record means is said in one
 * place, in Python. tests/differential/test_rows.py holds the two against each other.
 */
#include "../../native/record.h"

#define POSTGRES_EPOCH_US 946684800000000LL

/* ---- An enriched fix as a row --------------------------------------------------------------- */

/* The columns of positions, in their order. */
enum {
    COLUMN_TIME, COLUMN_LAT, COLUMN_LON, COLUMN_TERMINAL_ID, COLUMN_ALTITUDE_M, COLUMN_SPEED_KMH,
    COLUMN_COURSE_DEG, COLUMN_HEADING_DEG, COLUMN_HDOP, COLUMN_FIX, COLUMN_SATELLITES_USED,
    COLUMN_USED_BY, COLUMN_IN_VIEW_BY = COLUMN_USED_BY + CONSTELLATION_COUNT,
    COLUMN_LATE = COLUMN_IN_VIEW_BY + CONSTELLATION_COUNT, COLUMN_ZONES, COLUMNS
};

/* Columns that take a field's value as it is. */
static const struct {
    int column, field;
} TAKEN[] = {
    {COLUMN_LAT, LAT}, {COLUMN_LON, LON}, {COLUMN_ALTITUDE_M, ALTITUDE_M},
    {COLUMN_SPEED_KMH, SPEED_KMH}, {COLUMN_COURSE_DEG, COURSE_DEG},
    {COLUMN_HEADING_DEG, HEADING_DEG}, {COLUMN_HDOP, HDOP},
    {COLUMN_SATELLITES_USED, SATELLITES_USED}, {COLUMN_ZONES, ZONES},
};
#define TAKEN_COUNT (sizeof TAKEN / sizeof *TAKEN)

#define WANTED                                                                                   \
    (BIT(LAT) | BIT(LON) | BIT(ALTITUDE_M) | BIT(SPEED_KMH) | BIT(COURSE_DEG) |                  \
     BIT(HEADING_DEG) | BIT(HDOP) | BIT(SATELLITES_USED))
#define NEEDED                                                                                   \
    (BIT(TERMINAL) | BIT(TIME_US) | BIT(FIX) | BIT(LINES) | BIT(RECEIVED_AT_US) | BIT(RUN) |     \
     BIT(ZONES) | BIT(LATE) | BIT(SOURCE))

static PyObject *
taken(PyObject *value)
{
    return Py_NewRef(value == NULL ? Py_None : value);
}

/* (microseconds,): as asyncpg takes a timestamptz in its tuple format. */
static PyObject *
stamp(long long time_us)
{
    return Py_BuildValue("(L)", time_us - POSTGRES_EPOCH_US);
}

static PyObject *
as_row(const FixRecord *record, PyObject *terminal_id)
{
    PyObject *row = PyTuple_New(COLUMNS);
    PyObject *time = stamp(record->time_us), *quality = PyLong_FromLong(record->quality);
    if (row == NULL || time == NULL || quality == NULL) {
        Py_XDECREF(row);
        Py_XDECREF(time);
        Py_XDECREF(quality);
        return NULL;
    }
    PyTuple_SET_ITEM(row, COLUMN_TIME, time);
    PyTuple_SET_ITEM(row, COLUMN_FIX, quality);
    PyTuple_SET_ITEM(row, COLUMN_TERMINAL_ID, taken(terminal_id));
    PyTuple_SET_ITEM(row, COLUMN_LATE, Py_NewRef(record->late ? Py_True : Py_False));
    for (size_t each = 0; each < TAKEN_COUNT; each++)
        PyTuple_SET_ITEM(row, TAKEN[each].column, taken(record->value[TAKEN[each].field]));
    for (int each = 0; each < CONSTELLATION_COUNT; each++) {
        PyTuple_SET_ITEM(row, COLUMN_USED_BY + each, taken(record->used_by[each]));
        PyTuple_SET_ITEM(row, COLUMN_IN_VIEW_BY + each, taken(record->in_view_by[each]));
    }
    return row;
}

/* See _has_beidou() of positions.py. */
static bool
has_beidou(const FixRecord *record)
{
    if (record->used_by[3] != NULL)
        return PyLong_AsLongLong(record->used_by[3]) != 0;
    return record->beidou_talker;
}

static PyObject *
as_plain(const FixRecord *record, PyObject *ids)
{
    PyObject *id = PyDict_GetItemWithError(ids, record->value[TERMINAL]);
    if (id == NULL && PyErr_Occurred())
        return NULL;
    PyObject *row = as_row(record, id);
    if (row == NULL)
        return NULL;
    return Py_BuildValue("(LOLLOON)", record->offset, record->value[RUN], record->lines,
                         record->received_at_us, record->value[TERMINAL],
                         has_beidou(record) ? Py_True : Py_False, row);
}

PyDoc_STRVAR(read_enriched_doc,
"read_enriched(value, ids, partition)\n--\n\n"
"A record of telematics.enriched.v1 as (offset in the fix topic, run, lines, received_at_us,\n"
"terminal, made with BeiDou, row of positions), or None for one that is not as enrich writes it.");

static PyObject *
read_enriched(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "read_enriched(value, ids, partition)");
        return NULL;
    }
    long long partition = PyLong_AsLongLong(args[2]);
    if (partition == -1 && PyErr_Occurred())
        return NULL;
    FixRecord record = {0};
    PyObject *result = NULL;
    if (take_record(args[0], WANTED, NEEDED, &record) && record.partition == partition)
        result = as_plain(&record, args[1]);
    else if (!PyErr_Occurred())
        result = Py_NewRef(Py_None);
    clear_record(&record);
    return result;
}

/* ---- Rows as PostgreSQL takes them -------------------------------------------------------- */

typedef struct {
    char *start;
    size_t used;
    size_t room;
} Buffer;

static char *
extend(Buffer *buffer, size_t size)
{
    if (buffer->room - buffer->used < size) {
        size_t room = 2 * buffer->room + size;
        char *moved = PyMem_Realloc(buffer->start, room);
        if (moved == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        buffer->start = moved;
        buffer->room = room;
    }
    char *place = buffer->start + buffer->used;
    buffer->used += size;
    return place;
}

static void
put16(char *place, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(place, &value, 2);
}

static void
put32(char *place, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(place, &value, 4);
}

static void
put64(char *place, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(place, &value, 8);
}

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT4 = 700,
       OID_FLOAT8 = 701, OID_TEXT_ARRAY = 1009, OID_TIMESTAMPTZ = 1184 };

static int
put_integer(Buffer *buffer, uint32_t oid, PyObject *value, int bytes)
{
    int overflow;
    if (!PyLong_Check(value)) {
        PyErr_Format(PyExc_TypeError, "an integer is needed, not %.100s", Py_TYPE(value)->tp_name);
        return 0;
    }
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred())
        return 0;
    long long most = bytes == 8 ? INT64_MAX : bytes == 4 ? INT32_MAX : INT16_MAX;
    if (overflow || number > most || number < -most - 1) {
        PyErr_Format(PyExc_OverflowError, "%R needs more than %d bytes", value, bytes);
        return 0;
    }
    char *place = extend(buffer, 8 + (size_t)bytes);
    if (place == NULL)
        return 0;
    put32(place, oid);
    put32(place + 4, (uint32_t)bytes);
    if (bytes == 8)
        put64(place + 8, (uint64_t)number);
    else if (bytes == 4)
        put32(place + 8, (uint32_t)number);
    else
        put16(place + 8, (uint16_t)number);
    return 1;
}

static int
put_float(Buffer *buffer, uint32_t oid, PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred())
        return 0;
    if (oid == OID_FLOAT8) {
        char *place = extend(buffer, 16);
        if (place == NULL)
            return 0;
        uint64_t bits;
        memcpy(&bits, &number, 8);
        put32(place, oid);
        put32(place + 4, 8);
        put64(place + 8, bits);
        return 1;
    }
    float narrow = (float)number;
    if (isinf(narrow) && !isinf(number)) {
        PyErr_Format(PyExc_OverflowError, "%R needs more than 4 bytes", value);
        return 0;
    }
    char *place = extend(buffer, 12);
    if (place == NULL)
        return 0;
    uint32_t bits;
    memcpy(&bits, &narrow, 4);
    put32(place, oid);
    put32(place + 4, 4);
    put32(place + 8, bits);
    return 1;
}

static int
put_texts(Buffer *buffer, PyObject *value)
{
    PyObject *texts = PySequence_Fast(value, "a list of texts is needed");
    if (texts == NULL)
        return 0;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(texts);
    size_t start = buffer->used;
    int done = 0;
    char *head = extend(buffer, count ? 28 : 20);
    if (head == NULL)
        goto out;
    put32(head, OID_TEXT_ARRAY);
    put32(head + 8, count ? 1 : 0);
    put32(head + 12, 0);
    put32(head + 16, OID_TEXT);
    if (count) {
        put32(head + 20, (uint32_t)count);
        put32(head + 24, 1);
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        Py_ssize_t length;
        const char *text = PyUnicode_AsUTF8AndSize(PySequence_Fast_GET_ITEM(texts, index), &length);
        if (text == NULL)
            goto out;
        char *place = extend(buffer, 4 + (size_t)length);
        if (place == NULL)
            goto out;
        put32(place, (uint32_t)length);
        memcpy(place + 4, text, (size_t)length);
    }
    put32(buffer->start + start + 4, (uint32_t)(buffer->used - start - 8));
    done = 1;
out:
    Py_DECREF(texts);
    return done;
}

static const uint32_t OIDS[COLUMNS] = {
    OID_TIMESTAMPTZ, OID_FLOAT8, OID_FLOAT8, OID_INT4, OID_FLOAT4, OID_FLOAT4, OID_FLOAT4,
    OID_FLOAT4, OID_FLOAT4, OID_INT2, OID_INT2, OID_INT2, OID_INT2, OID_INT2, OID_INT2, OID_INT2,
    OID_INT2, OID_INT2, OID_INT2, OID_BOOL, OID_TEXT_ARRAY,
};

static int
put_value(Buffer *buffer, uint32_t oid, PyObject *value)
{
    if (value == Py_None) {
        char *place = extend(buffer, 8);
        if (place == NULL)
            return 0;
        put32(place, oid);
        put32(place + 4, UINT32_MAX);
        return 1;
    }
    switch (oid) {
    case OID_TIMESTAMPTZ:
        if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 1) {
            PyErr_SetString(PyExc_TypeError, "a time is a tuple of one integer");
            return 0;
        }
        return put_integer(buffer, oid, PyTuple_GET_ITEM(value, 0), 8);
    case OID_FLOAT8:
    case OID_FLOAT4:
        return put_float(buffer, oid, value);
    case OID_INT4:
        return put_integer(buffer, oid, value, 4);
    case OID_INT2:
        return put_integer(buffer, oid, value, 2);
    case OID_BOOL: {
        if (!PyBool_Check(value)) {
            PyErr_Format(PyExc_TypeError, "a bool is needed, not %.100s", Py_TYPE(value)->tp_name);
            return 0;
        }
        char *place = extend(buffer, 9);
        if (place == NULL)
            return 0;
        put32(place, oid);
        put32(place + 4, 1);
        place[8] = value == Py_True;
        return 1;
    }
    default:
        return put_texts(buffer, value);
    }
}

static int
put_row(Buffer *buffer, PyObject *row)
{
    if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) != COLUMNS) {
        PyErr_Format(PyExc_TypeError, "a row is a tuple of %d values", COLUMNS);
        return 0;
    }
    size_t start = buffer->used;
    char *head = extend(buffer, 8);
    if (head == NULL)
        return 0;
    put32(head + 4, COLUMNS);
    for (int column = 0; column < COLUMNS; column++)
        if (!put_value(buffer, OIDS[column], PyTuple_GET_ITEM(row, column)))
            return 0;
    put32(buffer->start + start, (uint32_t)(buffer->used - start - 4));
    return 1;
}

PyDoc_STRVAR(pack_positions_doc,
"pack_positions(rows, oid)\n--\n\n"
"Rows of positions as PostgreSQL's binary format of an array of them (array_recv, record_recv).\n"
"oid is that of the type of the rows. Raises TypeError, OverflowError, ValueError.");

static PyObject *
pack_positions(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyList_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "pack_positions(rows, oid)");
        return NULL;
    }
    unsigned long oid = PyLong_AsUnsignedLong(args[1]);
    if (oid == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t rows = PyList_GET_SIZE(args[0]);
    Buffer buffer = {NULL, 0, 0};
    PyObject *packed = NULL;
    char *head = extend(&buffer, rows ? 20 : 12);
    if (head == NULL)
        return NULL;
    put32(head, rows ? 1 : 0);
    put32(head + 4, 0);
    put32(head + 8, (uint32_t)oid);
    if (rows) {
        put32(head + 12, (uint32_t)rows);
        put32(head + 16, 1);
    }
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(args[0]); index++)
        if (!put_row(&buffer, PyList_GET_ITEM(args[0], index)))
            goto out;
    packed = PyBytes_FromStringAndSize(buffer.start, (Py_ssize_t)buffer.used);
out:
    PyMem_Free(buffer.start);
    return packed;
}

static PyMethodDef methods[] = {
    {"read_enriched", (PyCFunction)(void (*)(void))read_enriched, METH_FASTCALL, read_enriched_doc},
    {"pack_positions", (PyCFunction)(void (*)(void))pack_positions, METH_FASTCALL,
     pack_positions_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_rows", "The store's hot path, compiled.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__rows(void)
{
    const char *pure = getenv("DIPPER_PURE_PYTHON");
    if (pure != NULL && pure[0] != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "DIPPER_PURE_PYTHON is set");
        return NULL;
    }
    return PyModule_Create(&module);
}
