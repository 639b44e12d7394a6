#include "checks/probes/http.hpp"

#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string_view>
#include <utility>

#include "checks/probes/body_pattern.hpp"
#include "checks/probes/curl_transfer.hpp"
#include "checks/probes/words.hpp"

namespace understudy::checks {

namespace {

constexpr const char* schemes = "http,https";

struct UrlParts {
    CURLU* handle = curl_url();
    UrlParts() = default;
    UrlParts(const UrlParts&) = delete;
    UrlParts& operator=(const UrlParts&) = delete;
    ~UrlParts() { curl_url_cleanup(handle); }

    std::string get(CURLUPart part, unsigned flags = 0) const {
        char* text = nullptr;
        if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) {
            return {};
        }
        std::string copy = text;
        curl_free(text);
        return copy;
    }
};

// Closed with a reset, as HAProxy's checks are: a thousand checks a second would otherwise use up
// the local ports within half a minute, all of them in TIME_WAIT.
int close_with_reset(void*, curl_socket_t socket, curlsocktype) {
    const linger at_once{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return CURL_SOCKOPT_OK;
}

class HttpAttempt : public Attempt {
public:
    HttpAttempt(boost::asio::io_context& context, CurlLoop& loop, const LoadedFiles& files,
                const Http& http, Finish finish)
        : loop_(loop), http_(http), finish_(std::move(finish)) {
        if (std::string error = prepare(files); !error.empty()) {
            boost::asio::post(context,
                              [alive = std::weak_ptr<int>(alive_), this, error = std::move(error)] {
                                  if (!alive.expired()) {
                                      const Finish done = std::move(finish_);
                                      done(failure(error));
                                  }
                              });
            return;
        }
        loop_.add(transfer_.easy(), [this](CURLcode code) { ended(code); });
    }
    ~HttpAttempt() override { loop_.remove(transfer_.easy()); }

    std::string progress() const override { return transfer_.progress(); }

private:
    std::string prepare(const LoadedFiles& files);
    void prepare_names();
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    bool take_header(std::string_view line);
    void ended(CURLcode code);
    Outcome judge(CURLcode code) const;
    std::string objection(long status) const;

    CurlLoop& loop_;
    const Http& http_;
    Finish finish_;
    CurlTransfer transfer_;
    std::size_t header_size_ = 0;
    std::vector<bool> header_seen_;
    std::string body_;
    std::string overflow_;  // which of the limits was exceeded
    std::shared_ptr<int> alive_ = std::make_shared<int>();
};

// libcurl takes the name for SNI and for the certificate from the URL: another name goes there, and
// the connection to where it went before.
void HttpAttempt::prepare_names() {
    std::string url = http_.url;
    std::string host = http_.host;
    std::string connect = http_.connect;
    if (!http_.tls.server_name.empty()) {
        UrlParts parts;
        curl_url_set(parts.handle, CURLUPART_URL, http_.url.c_str(), 0);
        const std::string original = parts.get(CURLUPART_HOST);
        const std::string port = parts.get(CURLUPART_PORT, CURLU_DEFAULT_PORT);
        const bool usual = parts.get(CURLUPART_PORT, CURLU_NO_DEFAULT_PORT).empty();
        host = host.empty() ? original + (usual ? "" : ":" + port) : host;
        connect = connect.empty() ? original + ":" + port : connect;
        curl_url_set(parts.handle, CURLUPART_HOST, http_.tls.server_name.c_str(), 0);
        url = parts.get(CURLUPART_URL);
    }
    transfer_.set_url(url, schemes);
    if (!connect.empty()) {
        transfer_.set_connect(connect);
    }
    if (!host.empty()) {
        transfer_.add_header("Host: " + host);
    }
}

std::string HttpAttempt::prepare(const LoadedFiles& files) {
    CURL* easy = transfer_.easy();
    prepare_names();
    if (http_.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http_.method.c_str());
    }
    for (const std::string& line : http_.headers) {
        // libcurl's way to send a header without a value.
        transfer_.add_header(line.ends_with(':') ? line.substr(0, line.size() - 1) + ';' : line);
    }
    transfer_.apply_headers();
    constexpr long versions[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2TLS,
                                 CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, versions[static_cast<int>(http_.version)]);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, http_.redirects > 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(http_.redirects));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &HttpAttempt::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpAttempt::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16384L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &close_with_reset);
    header_seen_.assign(http_.expect_headers.size(), false);
    std::string error = transfer_.set_tls(http_.tls, files);
    return error.empty()
               ? transfer_.set_credentials(http_.credentials, http_.credentials_file, files)
               : error;
}

std::size_t HttpAttempt::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& attempt = *static_cast<HttpAttempt*>(self);
    return attempt.take_header({data, size * count}) ? size * count : 0;
}

bool HttpAttempt::take_header(std::string_view line) {
    header_size_ += line.size();
    if (header_size_ > http_.max_size) {
        overflow_ = "the headers are";
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

std::size_t HttpAttempt::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& attempt = *static_cast<HttpAttempt*>(self);
    const std::size_t bytes = size * count;
    if (attempt.body_.size() + bytes > attempt.http_.max_size) {
        attempt.overflow_ = "the body is";
        return 0;
    }
    attempt.body_.append(data, bytes);
    return bytes;
}

void HttpAttempt::ended(CURLcode code) {
    Outcome outcome = judge(code);
    outcome.timings = transfer_.timings();
    outcome.output = printable(body_, longest_output);
    const Finish done = std::move(finish_);
    done(std::move(outcome));
}

Outcome HttpAttempt::judge(CURLcode code) const {
    if (!overflow_.empty()) {
        return failure(overflow_ + " larger than max_size = " + std::to_string(http_.max_size));
    }
    if (code != CURLE_OK) {
        return failure(transfer_.error_text(code));
    }
    long status = 0;
    curl_easy_getinfo(transfer_.easy(), CURLINFO_RESPONSE_CODE, &status);
    if (std::string text = objection(status); !text.empty()) {
        return failure(std::move(text));
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = "HTTP " + std::to_string(status) + " in " +
                     milliseconds(transfer_.timings().total.value_or(Duration{}));
    return outcome;
}

std::string HttpAttempt::objection(long status) const {
    std::string name = "HTTP " + std::to_string(status);
    const bool wanted = std::ranges::any_of(http_.status, [&](const StatusRange& range) {
        return status >= static_cast<long>(range.first) && status <= static_cast<long>(range.last);
    });
    if (!wanted) {
        return name;
    }
    long version = 0;
    curl_easy_getinfo(transfer_.easy(), CURLINFO_HTTP_VERSION, &version);
    if (http_.version != HttpVersion::http1 && version != CURL_HTTP_VERSION_2_0) {
        return name + ", but not by HTTP/2";
    }
    for (std::size_t i = 0; i < header_seen_.size(); ++i) {
        if (!header_seen_[i]) {
            const auto& [header, text] = http_.expect_headers[i];
            return name + ", but no header \"" + header + ": " + text + '"';
        }
    }
    if (!http_.body.empty() && body_.find(http_.body) == std::string::npos) {
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

}  // namespace

std::unique_ptr<Attempt> start_http(boost::asio::io_context& context, CurlLoop& loop,
                                    const LoadedFiles& files, const Http& http, Finish finish) {
    return std::make_unique<HttpAttempt>(context, loop, files, http, std::move(finish));
}

}  // namespace understudy::checks
