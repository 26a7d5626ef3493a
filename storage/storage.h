// Guide to the folder: everything that Vecnest keeps on disk except segment files.
//
//   keys.h       how collections, points and vectors become RocksDB keys; virtual partitions
//   store.h      one RocksDB with its column families; atomic batches, cursors, checks
//   write_log.h  the seam every mutation passes: append a command, replay from a sequence
//
// Values are opaque bytes here: what a record means is the engine's business.
#ifndef VECNEST_STORAGE_STORAGE_H_
#define VECNEST_STORAGE_STORAGE_H_

#include "storage/keys.h"
#include "storage/store.h"
#include "storage/write_log.h"

#endif  // VECNEST_STORAGE_STORAGE_H_
