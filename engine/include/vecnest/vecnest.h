// Everything a program that embeds Vecnest needs. Start reading at database.h.
#ifndef VECNEST_VECNEST_H_
#define VECNEST_VECNEST_H_

#include "vecnest/adapt.h"
#include "vecnest/collection.h"
#include "vecnest/database.h"
#include "vecnest/embedding.h"
#include "vecnest/evaluation.h"
#include "vecnest/filter.h"
#include "vecnest/geometry.h"
#include "vecnest/inspection.h"
#include "vecnest/mining.h"
#include "vecnest/query.h"
#include "vecnest/types.h"

#endif  // VECNEST_VECNEST_H_
