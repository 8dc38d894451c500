/*
 * The few URLs that a configuration names, checked before they reach the HTTP library. Rules: RFC
 * 3986 §3, cut down to what an API server or a proxy can need.
 */
#pragma once
#include <stdbool.h>

/** http:// or https://, a host (name, IPv4, [IPv6]), an optional port from 1 to 65535, an optional
 * path. Neither user, query, fragment, space nor control character. */
bool url_is_server(const char *url);

/** http://, https:// or socks5://, optionally user and password, a host, an optional port. */
bool url_is_proxy(const char *url);

/** https:// and not http://; for a good server URL. */
bool url_is_secure(const char *url);

/** A copy (mem_free) of a good server URL without slashes at its end. */
char *url_dup_without_slash(const char *url);

/** What the first two expect, for messages. */
#define URL_SERVER_EXPECTED "https://host:port, optionally with a path"
#define URL_PROXY_EXPECTED  "http://, https:// or socks5:// and a host"
