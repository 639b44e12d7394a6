// Where a URL leads, by libcurl's own parser.
#pragma once

#include <curl/curl.h>

#include <string>

#include "checks/settings.hpp"

namespace understudy::checks {

class UrlParts {
public:
    explicit UrlParts(const std::string& url);
    UrlParts(const UrlParts&) = delete;
    UrlParts& operator=(const UrlParts&) = delete;
    ~UrlParts();

    // Resolves the Location of a redirect against this URL.
    void follow(const std::string& location);
    // Nothing more can be said of one that is not valid, or has an unknown scheme.
    bool is_valid() const { return error_.empty(); }
    const std::string& error() const { return error_; }

    std::string url() const;
    std::string scheme() const;
    // The name as name servers know it (IDNA), or an address with its zone.
    Endpoint endpoint() const;
    // With the port, if it is not the usual one: for a Host header.
    std::string authority() const;
    void set_host(const std::string& host);

private:
    std::string get(CURLUPart part, unsigned flags = 0) const;
    void set(CURLUPart part, const std::string& text);

    CURLU* handle_;
    std::string error_;
};

}  // namespace understudy::checks
