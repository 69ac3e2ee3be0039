/* transport_laws.h: the laws of a transport (rkv/transport.h), by number. */
#ifndef CONTRACT_TRANSPORT_LAWS_H
#define CONTRACT_TRANSPORT_LAWS_H

#define TRANSPORT_LAWS(X)                                                                          \
  X(1, opens_and_closes, BASIC, 0, 10, "It opens with legal options and closes; nothing is left.")

#endif
