#include "checks/probes/http_answer.hpp"

#include <strings.h>

#include <algorithm>
#include <cstring>

#include "checks/probes/body_pattern.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

HttpAnswer::HttpAnswer(const Http& http)
    : http_(http), header_seen_(http.expect_headers.size(), false) {}

bool HttpAnswer::take_header(std::string_view line) {
    header_size_ += line.size();
    if (header_size_ > http_.max_size) {
        overflown_ = "the headers are";
        return false;
    }
    if (line.starts_with("HTTP/")) {  // of the answer after a redirect, perhaps
        std::fill(header_seen_.begin(), header_seen_.end(), false);
        body_.clear();
        return true;
    }
    const auto colon = line.find(':');
    for (std::size_t i = 0; i < http_.expect_headers.size() && colon != line.npos; ++i) {
        const auto& [name, text] = http_.expect_headers[i];
        const bool named =
            name.size() == colon && strncasecmp(name.data(), line.data(), name.size()) == 0;
        if (named && line.substr(colon + 1).find(text) != line.npos) {
            header_seen_[i] = true;
        }
    }
    return true;
}

bool HttpAnswer::take_body(std::string_view bytes) {
    if (body_.size() + bytes.size() > http_.max_size) {
        overflown_ = "the body is";
        return false;
    }
    body_ += bytes;
    return true;
}

std::string HttpAnswer::overflow() const {
    return overflown_.empty()
               ? std::string{}
               : overflown_ + " larger than max_size = " + std::to_string(http_.max_size);
}

std::string HttpAnswer::objection(long status, bool by_http2) const {
    std::string name = "HTTP " + std::to_string(status);
    const bool wanted = std::ranges::any_of(http_.status, [&](const StatusRange& range) {
        return status >= static_cast<long>(range.first) && status <= static_cast<long>(range.last);
    });
    if (!wanted) {
        return name;
    }
    if (http_.version != HttpVersion::http1 && !by_http2) {
        return name + ", but not by HTTP/2";
    }
    for (std::size_t i = 0; i < header_seen_.size(); ++i) {
        if (!header_seen_[i]) {
            const auto& [header, text] = http_.expect_headers[i];
            return name + ", but no header \"" + header + ": " + text + '"';
        }
    }
    // memmem(3) takes linear time, also for a body chosen to make std::string::find() slow.
    if (!http_.body.empty() &&
        memmem(body_.data(), body_.size(), http_.body.data(), http_.body.size()) == nullptr) {
        return name + ", but the body does not contain \"" + printable(http_.body, 60) + '"';
    }
    if (!http_.body_regex.empty()) {
        const BodyPattern pattern(http_.body_regex);
        const auto match = pattern.match(body_);
        if (match != BodyPattern::Match::yes) {
            return name + ", but the body " +
                   (match == BodyPattern::Match::no ? "does not match \""
                                                    : "is too costly to match with \"") +
                   printable(http_.body_regex, 60) + '"';
        }
    }
    return {};
}

}  // namespace understudy::checks
