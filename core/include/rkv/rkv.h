/* rkv/rkv.h: the whole plugin ABI. A plugin needs this header and nothing else of
 * raft-key-value. */
#ifndef RKV_RKV_H
#define RKV_RKV_H

#include <rkv/address.h>
#include <rkv/admin.h>
#include <rkv/buf.h>
#include <rkv/call.h>
#include <rkv/entry.h>
#include <rkv/membership.h>
#include <rkv/plugin.h>
#include <rkv/state_machine.h>
#include <rkv/status.h>
#include <rkv/storage.h>
#include <rkv/swap.h>
#include <rkv/transport.h>
#include <rkv/types.h>

#endif
