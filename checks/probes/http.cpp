#include "checks/probes/http.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/text.hpp"
#include "checks/probes/curl_transfer.hpp"
#include "checks/probes/http_answer.hpp"
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
        : loop_(loop), http_(http), finish_(std::move(finish)), answer_(http) {
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
    bool needs_content_length() const;
    std::string prepare(const LoadedFiles& files);
    void prepare_names();
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    void ended(CURLcode code);
    Outcome judge(CURLcode code) const;

    CurlLoop& loop_;
    const Http& http_;
    Finish finish_;
    CurlTransfer transfer_;
    HttpAnswer answer_;
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

// RFC 9110 8.6: a request without content carries Content-Length: 0 if its method gives content a
// meaning. Strict servers answer 411 otherwise.
bool HttpAttempt::needs_content_length() const {
    constexpr std::array with_content = {"POST", "PUT", "PATCH"};
    const auto is_length = [](const std::string& line) {
        return lower_case(line).starts_with("content-length:");
    };
    return std::ranges::find(with_content, http_.method) != with_content.end() &&
           std::ranges::none_of(http_.headers, is_length);
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
    if (needs_content_length()) {
        transfer_.add_header("Content-Length: 0");
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
    std::string error = transfer_.set_tls(http_.tls, files);
    return error.empty()
               ? transfer_.set_credentials(http_.credentials, http_.credentials_file, files)
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

void HttpAttempt::ended(CURLcode code) {
    Outcome outcome = judge(code);
    outcome.timings = transfer_.timings();
    outcome.output = printable(answer_.body(), longest_output);
    const Finish done = std::move(finish_);
    done(std::move(outcome));
}

Outcome HttpAttempt::judge(CURLcode code) const {
    if (const std::string overflow = answer_.overflow(); !overflow.empty()) {
        return failure(overflow);
    }
    if (code != CURLE_OK) {
        return failure(transfer_.error_text(code));
    }
    long status = 0;
    curl_easy_getinfo(transfer_.easy(), CURLINFO_RESPONSE_CODE, &status);
    long version = 0;
    curl_easy_getinfo(transfer_.easy(), CURLINFO_HTTP_VERSION, &version);
    if (std::string text = answer_.objection(status, version == CURL_HTTP_VERSION_2_0);
        !text.empty()) {
        return failure(std::move(text));
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = "HTTP " + std::to_string(status) + " in " +
                     milliseconds(transfer_.timings().total.value_or(Duration{}));
    return outcome;
}

}  // namespace

std::unique_ptr<Attempt> start_http(boost::asio::io_context& context, CurlLoop& loop,
                                    const LoadedFiles& files, const Http& http, Finish finish) {
    return std::make_unique<HttpAttempt>(context, loop, files, http, std::move(finish));
}

}  // namespace understudy::checks
