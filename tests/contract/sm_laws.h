/* sm_laws.h: the laws of a state machine (rkv/state_machine.h), by number. */
#ifndef CONTRACT_SM_LAWS_H
#define CONTRACT_SM_LAWS_H

#define SM_LAWS(X)                                                                                 \
  X(1, opens_and_closes, BASIC, 0, 10, "It opens with legal options and closes; nothing is left.")

#endif
