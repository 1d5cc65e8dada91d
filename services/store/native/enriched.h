/* What the store wants to know of a record of telematics.enriched.v1. */
#ifndef DIPPER_ENRICHED_H
#define DIPPER_ENRICHED_H

#include "../../native/record.h"

/* Fields whose numbers become columns. */
#define MEASURES                                                                                 \
    (BIT(LAT) | BIT(LON) | BIT(ALTITUDE_M) | BIT(SPEED_KMH) | BIT(COURSE_DEG) |                  \
     BIT(HEADING_DEG) | BIT(HDOP) | BIT(SATELLITES_USED))
#define NEEDED                                                                                   \
    (BIT(TERMINAL) | BIT(TIME_US) | BIT(FIX) | BIT(LINES) | BIT(RECEIVED_AT_US) | BIT(RUN) |     \
     BIT(ZONES) | BIT(LATE) | BIT(SOURCE))

/* False for a record that is not plain. */
static bool take_enriched(PyObject *bytes, FixRecord *record)
{
    return take_record(bytes, MEASURES, NEEDED, record);
}

/* The zone at which `zones` is, which goes on to the next one. */
static inline Text next_zone(Scan *zones)
{
    Text zone = {NULL, 0};
    take_text(zones, &zone);
    take(zones, ',');
    return zone;
}

/* See _has_beidou() of positions.py. */
static inline bool has_beidou(const FixRecord *record)
{
    enum { BEIDOU = CONSTELLATION_COUNT - 1 };
    if (record->used_by.known & BIT(BEIDOU))
        return record->used_by.count[BEIDOU] != 0;
    return record->beidou_talker;
}

#endif
