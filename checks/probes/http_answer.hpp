// What a server answered, as far as it has come: held against what is expected of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "checks/settings.hpp"

namespace understudy::checks {

class HttpAnswer {
public:
    // `http` outlives this.
    explicit HttpAnswer(const Http& http);

    // One line of the headers; of several answers after each other, if redirects are followed.
    // False: more than max_size, as for the body.
    bool take_header(std::string_view line);
    bool take_body(std::string_view bytes);

    const std::string& body() const { return body_; }
    // Which limit was exceeded; empty: none.
    std::string overflow() const;
    // Why this answer fails the check; empty: it does not.
    std::string objection(long status, bool by_http2) const;

private:
    const Http& http_;
    std::size_t header_size_ = 0;
    std::vector<bool> header_seen_;  // of expect_headers
    std::string body_;
    std::string overflown_;
};

}  // namespace understudy::checks
