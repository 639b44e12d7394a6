#include "checks/probes/url_parts.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace understudy::checks {

UrlParts::UrlParts(const std::string& url) : handle_(curl_url()) {
    if (handle_ == nullptr) {
        throw std::bad_alloc{};
    }
    set(CURLUPART_URL, url);
}

UrlParts::~UrlParts() {
    curl_url_cleanup(handle_);
}

void UrlParts::follow(const std::string& location) {
    set(CURLUPART_URL, location);
}

void UrlParts::set_host(const std::string& host) {
    set(CURLUPART_HOST, host);
}

void UrlParts::set(CURLUPart part, const std::string& text) {
    const CURLUcode code = curl_url_set(handle_, part, text.c_str(), 0);
    error_ = code == CURLUE_OK ? "" : curl_url_strerror(code);
}

std::string UrlParts::get(CURLUPart part, unsigned flags) const {
    char* text = nullptr;
    if (curl_url_get(handle_, part, &text, flags) != CURLUE_OK) {
        return {};
    }
    std::string copy = text;
    curl_free(text);
    return copy;
}

std::string UrlParts::url() const {
    return get(CURLUPART_URL);
}

std::string UrlParts::scheme() const {
    return get(CURLUPART_SCHEME);
}

Endpoint UrlParts::endpoint() const {
    Endpoint endpoint;
    endpoint.host = get(CURLUPART_HOST, CURLU_PUNYCODE);
    if (endpoint.host.empty()) {
        endpoint.host = get(CURLUPART_HOST);
    }
    if (endpoint.host.starts_with('[')) {
        const std::string zone = get(CURLUPART_ZONEID);
        endpoint.host =
            endpoint.host.substr(1, endpoint.host.size() - 2) + (zone.empty() ? "" : '%' + zone);
    }
    endpoint.port =
        static_cast<std::uint16_t>(std::atoi(get(CURLUPART_PORT, CURLU_DEFAULT_PORT).c_str()));
    return endpoint;
}

std::string UrlParts::authority() const {
    const std::string port = get(CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    return get(CURLUPART_HOST) + (port.empty() ? "" : ':' + port);
}

}  // namespace understudy::checks
