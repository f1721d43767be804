/*
 * proxy_error.h - errors of PL/Proxy's as errors of the call.
 */
#ifndef CU_PROXY_ERROR_H
#define CU_PROXY_ERROR_H

/* proxy_error() returns an error that a call to a partition ended with as it is to be raised. */
extern ErrorData *proxy_error(ErrorData *error, int number);

#endif
