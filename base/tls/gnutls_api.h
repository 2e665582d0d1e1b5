/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GnuTLS, loaded when the first credentials are made.  Manual: "GnuTLS", https://www.gnutls.org/manual/. */
#pragma once
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* clang-format off */
#define GNUTLS_FUNCTIONS(F)                                                                                  \
    F(alert_get) F(alert_get_name) F(alert_send_appropriate) F(anon_allocate_client_credentials)             \
    F(anon_allocate_server_credentials) F(anon_free_client_credentials) F(anon_free_server_credentials)      \
    F(anon_set_server_known_dh_params) F(auth_get_type) F(bye) F(certificate_allocate_credentials)           \
    F(certificate_free_credentials) F(certificate_server_set_request) F(certificate_set_known_dh_params)     \
    F(certificate_set_x509_crl_mem) F(certificate_set_x509_key_mem2) F(certificate_set_x509_trust_mem)       \
    F(certificate_verification_status_print) F(credentials_set) F(deinit) F(handshake) F(init)               \
    F(priority_deinit) F(priority_init2) F(priority_set) F(psk_allocate_client_credentials)                  \
    F(psk_allocate_server_credentials) F(psk_free_client_credentials) F(psk_free_server_credentials)         \
    F(psk_set_client_credentials) F(psk_set_server_credentials_function) F(psk_set_server_known_dh_params)   \
    F(record_get_direction) F(record_recv) F(record_send) F(server_name_set) F(session_get_ptr)              \
    F(session_get_verify_cert_status) F(session_set_ptr) F(session_set_verify_cert2) F(strerror)             \
    F(transport_set_errno) F(transport_set_ptr) F(transport_set_pull_function)                               \
    F(transport_set_push_function) F(x509_crt_deinit) F(x509_crt_get_activation_time)                        \
    F(x509_crt_get_basic_constraints) F(x509_crt_get_expiration_time) F(x509_crt_get_key_purpose_oid)        \
    F(x509_crt_get_key_usage) F(x509_crt_list_import2) F(x509_trust_list_add_trust_mem)                      \
    F(x509_trust_list_deinit) F(x509_trust_list_init) F(x509_trust_list_verify_crt2)                         \
    F(malloc) F(free) /* variables */
#define GNUTLS_FIELD(name) __typeof__(gnutls_##name) *name;
/* clang-format on */
typedef struct GnutlsApi {
    GNUTLS_FUNCTIONS(GNUTLS_FIELD)
} GnutlsApi;

/* NULL: the host has no GnuTLS, or the sandbox has closed.  Any thread. */
const GnutlsApi *gnutls_api_load(GError **err);
