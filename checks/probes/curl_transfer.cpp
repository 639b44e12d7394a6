#include "checks/probes/curl_transfer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "base/version.hpp"

namespace understudy::checks {

namespace {

std::optional<Duration> time_of(CURL* easy, CURLINFO info) {
    curl_off_t microseconds = 0;
    if (curl_easy_getinfo(easy, info, &microseconds) != CURLE_OK || microseconds <= 0) {
        return std::nullopt;
    }
    return Duration{microseconds};
}

std::string first_line(std::string_view text) {
    const auto end = text.find_first_of("\r\n");
    std::string line{text.substr(0, end)};
    while (!line.empty() && line.back() == ' ') {
        line.pop_back();
    }
    return line;
}

}  // namespace

CurlTransfer::CurlTransfer() : easy_(curl_easy_init()) {
    if (easy_ == nullptr) {
        throw std::bad_alloc{};
    }
    curl_easy_setopt(easy(), CURLOPT_ERRORBUFFER, error_.data());
    curl_easy_setopt(easy(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy(), CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy(), CURLOPT_FORBID_REUSE, 1L);
    // The caller keeps the time; libcurl's own limit on connecting is out of the way.
    curl_easy_setopt(easy(), CURLOPT_CONNECTTIMEOUT, 86400L);
    curl_easy_setopt(easy(), CURLOPT_USERAGENT, ("understudy/" + program_version()).c_str());
}

CurlTransfer::~CurlTransfer() {
    easy_.reset();
    curl_slist_free_all(headers_);
    curl_slist_free_all(connect_);
    if (socket_ >= 0) {
        ::close(socket_);
    }
}

void CurlTransfer::set_url(const std::string& url, const char* schemes) {
    curl_easy_setopt(easy(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy(), CURLOPT_PROTOCOLS_STR, schemes);
    curl_easy_setopt(easy(), CURLOPT_REDIR_PROTOCOLS_STR, schemes);
}

std::string CurlTransfer::set_tls(const TlsClient& tls, const CurlTools& tools) {
    tls_ = &tls;
    trust_ = &tools.trust;
    curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    const auto give = [&](const std::string& path, CURLoption option) -> std::string {
        if (path.empty()) {
            return {};
        }
        const LoadedFiles::File& file = tools.files.at(path);
        curl_blob blob{const_cast<char*>(file.content.data()), file.content.size(), CURL_BLOB_COPY};
        if (file.error.empty()) {
            curl_easy_setopt(easy(), option, &blob);
        }
        return file.error;
    };
    // The authorities come from on_handshake(): libcurl reads none.
    curl_easy_setopt(easy(), CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy(), CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(easy(), CURLOPT_SSL_CTX_FUNCTION, &CurlTransfer::on_handshake);
    curl_easy_setopt(easy(), CURLOPT_SSL_CTX_DATA, this);
    std::string error = give(tls.certificate, CURLOPT_SSLCERT_BLOB);
    if (error.empty()) {
        error = give(tls.key.empty() ? tls.certificate : tls.key, CURLOPT_SSLKEY_BLOB);
    }
    return error;
}

std::string CurlTransfer::set_credentials(Credentials kind, const std::string& path,
                                          const LoadedFiles& files) {
    if (kind == Credentials::none) {
        return {};
    }
    const LoadedFiles::File& file = files.at(path);
    if (!file.error.empty()) {
        return file.error;
    }
    const std::string secret = first_line(file.content);
    if (kind == Credentials::bearer) {
        curl_easy_setopt(easy(), CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(easy(), CURLOPT_XOAUTH2_BEARER, secret.c_str());
    } else {
        curl_easy_setopt(easy(), CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy(), CURLOPT_USERPWD, secret.c_str());
    }
    return {};
}

void CurlTransfer::add_header(const std::string& line) {
    headers_ = curl_slist_append(headers_, line.c_str());
}

void CurlTransfer::apply_headers() {
    curl_easy_setopt(easy(), CURLOPT_HTTPHEADER, headers_);
}

// libcurl takes this socket, which is connected. CONNECT_TO replaces the host by its address, so
// libcurl has no name to look up.
void CurlTransfer::use(boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    auto address = peer.address();
    if (address.is_v6()) {
        auto v6 = address.to_v6();
        v6.scope_id(0);  // which libcurl need not know
        address = v6;
    }
    const std::string host =
        address.is_v6() ? '[' + address.to_string() + ']' : address.to_string();
    connect_ =
        curl_slist_append(connect_, ("::" + host + ':' + std::to_string(peer.port())).c_str());
    curl_easy_setopt(easy(), CURLOPT_CONNECT_TO, connect_);
    socket_ = socket.release(error);
    curl_easy_setopt(easy(), CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::on_open);
    curl_easy_setopt(easy(), CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy(), CURLOPT_SOCKOPTFUNCTION, &CurlTransfer::on_opened);
}

curl_socket_t CurlTransfer::on_open(void* self, curlsocktype, curl_sockaddr*) {
    const int socket = std::exchange(static_cast<CurlTransfer*>(self)->socket_, -1);
    return socket < 0 ? CURL_SOCKET_BAD : socket;
}

// Closed with a reset, as HAProxy's checks are: a thousand checks a second would otherwise use up
// the local ports within half a minute, all of them in TIME_WAIT.
int CurlTransfer::on_opened(void*, curl_socket_t socket, curlsocktype) {
    const linger at_once{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

CURLcode CurlTransfer::on_handshake(CURL*, void* context, void* self) {
    auto& transfer = *static_cast<CurlTransfer*>(self);
    transfer.handshake_begun_ = true;
    if (transfer.tls_->verify) {
        transfer.trust_error_ =
            transfer.trust_->apply(static_cast<SSL_CTX*>(context), *transfer.tls_);
    }
    return transfer.trust_error_.empty() ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

Timings CurlTransfer::timings() const {
    Timings timings;
    timings.tls = time_of(easy(), CURLINFO_APPCONNECT_TIME_T);
    timings.first_byte = time_of(easy(), CURLINFO_STARTTRANSFER_TIME_T);
    return timings;
}

std::string CurlTransfer::progress() const {
    const Timings reached = timings();
    if (handshake_begun_ && !reached.tls) {
        return "in the TLS handshake";
    }
    return reached.first_byte ? "receiving the answer" : "waiting for the first byte";
}

std::string CurlTransfer::error_text(CURLcode code) const {
    if (!trust_error_.empty()) {
        return trust_error_;
    }
    if (code == CURLE_GOT_NOTHING) {
        return "closed without an answer";
    }
    const std::string details = first_line(error_.data());
    std::string text = curl_easy_strerror(code);
    return details.empty() || details == text ? text : text + ": " + details;
}

}  // namespace understudy::checks
