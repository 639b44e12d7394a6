#include "checks/probes/http.hpp"

#include <strings.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string_view>
#include <utility>

#include "checks/probes/connected_transfer.hpp"
#include "checks/probes/http_answer.hpp"
#include "checks/probes/url_parts.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

constexpr const char* http_schemes = "http,https";

bool same_name(std::string_view one, std::string_view other) {
    return one.size() == other.size() && strncasecmp(one.data(), other.data(), one.size()) == 0;
}

bool is_header(const std::string& line, std::string_view name) {
    return same_name(std::string_view{line}.substr(0, line.find(':')), name);
}

// The method of the request after a redirection: RFC 9110, 15.4.
std::string method_after(long status, const std::string& method) {
    constexpr long moved = 301;
    constexpr long found = 302;
    constexpr long see_other = 303;
    const bool gets = (status == see_other && method != "HEAD") ||
                      ((status == moved || status == found) && method == "POST");
    return gets ? "GET" : method;
}

// Of these a body is expected, so that its absence is said: RFC 9110, 8.6.
bool takes_body(const std::string& method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

// libcurl would follow a redirection by itself, and look up the next host's name on its way: so
// each request is a transfer of its own.
class HttpAttempt : public Attempt {
public:
    HttpAttempt(Resolver& resolver, const CurlTools& tools, const Http& http, Finish finish)
        : resolver_(resolver),
          tools_(tools),
          http_(http),
          finish_(std::move(finish)),
          answer_(http),
          first_(http.url),
          url_(http.url),
          method_(http.method) {
        request();
    }

    std::string progress() const override { return transfer_->progress(); }

private:
    void request();
    Endpoint target() const;
    bool is_first_host() const;
    std::string prepare();
    void prepare_url(CurlTransfer& transfer);
    void prepare_headers(CurlTransfer& transfer);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    void ended(const std::string& error);
    std::string follow(long status);
    Outcome judge(const std::string& error) const;
    void end(Outcome outcome);

    Resolver& resolver_;
    const CurlTools& tools_;
    const Http& http_;
    Finish finish_;
    HttpAnswer answer_;
    UrlParts first_;
    UrlParts url_;  // of the present request
    std::string method_;
    unsigned followed_ = 0;
    Stopwatch watch_;
    Duration begun_{};  // the present request
    std::unique_ptr<ConnectedTransfer> transfer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
};

void HttpAttempt::request() {
    begun_ = watch_.elapsed();
    transfer_ = std::make_unique<ConnectedTransfer>(resolver_, tools_.loop);
    const std::string error = prepare();
    if (error.empty()) {
        transfer_->start(target(), [this](const std::string& why) { ended(why); });
        return;
    }
    boost::asio::post(resolver_.context(), [alive = std::weak_ptr<int>(alive_), this, error] {
        if (!alive.expired()) {
            end(failure(error));
        }
    });
}

// `connect` and `server_name` are about the host that was asked for, not about where it redirects.
bool HttpAttempt::is_first_host() const {
    const Endpoint first = first_.endpoint();
    const Endpoint now = url_.endpoint();
    return now.port == first.port &&
           (same_name(now.host, first.host) || same_name(now.host, http_.tls.server_name));
}

Endpoint HttpAttempt::target() const {
    if (!is_first_host()) {
        return url_.endpoint();
    }
    return http_.connect.empty() ? first_.endpoint()
                                 : UrlParts{"http://" + http_.connect}.endpoint();
}

// libcurl takes the name for SNI and for the certificate from the URL: another name goes there.
void HttpAttempt::prepare_url(CurlTransfer& transfer) {
    std::string host = http_.host;
    UrlParts named(url_.url());
    if (is_first_host() && !http_.tls.server_name.empty()) {
        host = host.empty() ? url_.authority() : host;
        named.set_host(http_.tls.server_name);
    }
    transfer.set_url(named.url(), http_schemes);
    if (is_first_host() && !host.empty()) {
        transfer.add_header("Host: " + host);
    }
}

void HttpAttempt::prepare_headers(CurlTransfer& transfer) {
    const bool same_origin = is_first_host() && url_.scheme() == first_.scheme();
    bool says_length = false;
    for (const std::string& line : http_.headers) {
        const bool is_secret = is_header(line, "Authorization") || is_header(line, "Cookie");
        if ((is_secret && !same_origin) || (is_header(line, "Host") && !is_first_host())) {
            continue;  // none of another host's business
        }
        says_length = says_length || is_header(line, "Content-Length") ||
                      is_header(line, "Transfer-Encoding");
        // libcurl's way to send a header without a value.
        transfer.add_header(line.ends_with(':') ? line.substr(0, line.size() - 1) + ';' : line);
    }
    if (takes_body(method_) && !says_length) {
        transfer.add_header("Content-Length: 0");
    }
    transfer.apply_headers();
}

std::string HttpAttempt::prepare() {
    if (!url_.is_valid()) {
        return url_.error();
    }
    CurlTransfer& transfer = transfer_->transfer();
    CURL* easy = transfer.easy();
    prepare_url(transfer);
    prepare_headers(transfer);
    if (method_ == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method_.c_str());
    }
    constexpr long versions[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2TLS,
                                 CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, versions[static_cast<int>(http_.version)]);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &HttpAttempt::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpAttempt::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16384L);
    std::string error = transfer.set_tls(http_.tls, tools_);
    const bool same_origin = is_first_host() && url_.scheme() == first_.scheme();
    return error.empty() && same_origin
               ? transfer.set_credentials(http_.credentials, http_.credentials_file, tools_.files)
               : error;
}

std::size_t HttpAttempt::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& attempt = *static_cast<HttpAttempt*>(self);
    return attempt.answer_.take_header({data, size * count}) ? size * count : 0;
}

std::size_t HttpAttempt::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& attempt = *static_cast<HttpAttempt*>(self);
    return attempt.answer_.take_body({data, size * count}) ? size * count : 0;
}

void HttpAttempt::ended(const std::string& error) {
    long status = 0;
    curl_easy_getinfo(transfer_->transfer().easy(), CURLINFO_RESPONSE_CODE, &status);
    constexpr long first_redirection = 300;
    constexpr long last_redirection = 399;
    if (http_.redirects > 0 && error.empty() && status >= first_redirection &&
        status <= last_redirection) {
        curl_header* location = nullptr;
        if (curl_easy_header(transfer_->transfer().easy(), "Location", 0, CURLH_HEADER, -1,
                             &location) == CURLHE_OK) {
            url_.follow(location->value);
            if (const std::string trouble = follow(status); !trouble.empty()) {
                end(failure(trouble));
            }
            return;
        }
    }
    end(judge(error));
}

// The next request, or why there is none.
std::string HttpAttempt::follow(long status) {
    if (!url_.is_valid()) {
        return "redirected to an URL that is no use: " + url_.error();
    }
    if (url_.scheme() != "http" && url_.scheme() != "https") {
        return "redirected to another protocol: " + printable(url_.url(), 60);
    }
    if (++followed_ > http_.redirects) {
        return "too many redirects: more than " + std::to_string(http_.redirects);
    }
    method_ = method_after(status, method_);
    request();
    return {};
}

Outcome HttpAttempt::judge(const std::string& error) const {
    if (const std::string overflow = answer_.overflow(); !overflow.empty()) {
        return failure(overflow);
    }
    if (!error.empty()) {
        return failure(error);
    }
    CURL* easy = transfer_->transfer().easy();
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    if (std::string text = answer_.objection(status, version == CURL_HTTP_VERSION_2_0);
        !text.empty()) {
        return failure(std::move(text));
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = "HTTP " + std::to_string(status) + " in " + milliseconds(watch_.elapsed());
    return outcome;
}

void HttpAttempt::end(Outcome outcome) {
    outcome.timings = transfer_->timings();
    for (auto* time : {&outcome.timings.lookup, &outcome.timings.connect, &outcome.timings.tls,
                       &outcome.timings.first_byte}) {
        if (*time) {
            **time += begun_;
        }
    }
    outcome.timings.total = watch_.elapsed();
    outcome.output = printable(answer_.body(), longest_output);
    const Finish done = std::move(finish_);
    done(std::move(outcome));
}

}  // namespace

std::unique_ptr<Attempt> start_http(Resolver& resolver, const CurlTools& tools, const Http& http,
                                    Finish finish) {
    return std::make_unique<HttpAttempt>(resolver, tools, http, std::move(finish));
}

}  // namespace understudy::checks
