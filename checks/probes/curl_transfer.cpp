#include "checks/probes/curl_transfer.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

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
    curl_easy_setopt(easy(), CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    // The caller keeps the time; libcurl's own limit on connecting is out of the way.
    curl_easy_setopt(easy(), CURLOPT_CONNECTTIMEOUT, 86400L);
    curl_easy_setopt(easy(), CURLOPT_USERAGENT, ("understudy/" + program_version()).c_str());
}

CurlTransfer::~CurlTransfer() {
    easy_.reset();
    curl_slist_free_all(headers_);
    curl_slist_free_all(connect_);
}

void CurlTransfer::set_url(const std::string& url, const char* schemes) {
    curl_easy_setopt(easy(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy(), CURLOPT_PROTOCOLS_STR, schemes);
    curl_easy_setopt(easy(), CURLOPT_REDIR_PROTOCOLS_STR, schemes);
}

std::string CurlTransfer::set_tls(const TlsClient& tls, const LoadedFiles& files) {
    curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    const auto give = [&](const std::string& path, CURLoption option) -> std::string {
        if (path.empty()) {
            return {};
        }
        const LoadedFiles::File& file = files.at(path);
        curl_blob blob{const_cast<char*>(file.content.data()), file.content.size(), CURL_BLOB_COPY};
        if (file.error.empty()) {
            curl_easy_setopt(easy(), option, &blob);
        }
        return file.error;
    };
    // libcurl counts as connected what has done its handshake; this is called before it.
    curl_easy_setopt(easy(), CURLOPT_SSL_CTX_FUNCTION, &CurlTransfer::on_handshake);
    curl_easy_setopt(easy(), CURLOPT_SSL_CTX_DATA, this);
    std::string error = give(tls.ca, CURLOPT_CAINFO_BLOB);
    if (error.empty()) {
        error = give(tls.certificate, CURLOPT_SSLCERT_BLOB);
    }
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

void CurlTransfer::set_connect(const std::string& target) {
    connect_ = curl_slist_append(connect_, ("::" + target).c_str());
    curl_easy_setopt(easy(), CURLOPT_CONNECT_TO, connect_);
}

CURLcode CurlTransfer::on_handshake(CURL*, void*, void* self) {
    static_cast<CurlTransfer*>(self)->handshake_begun_ = true;
    return CURLE_OK;
}

Timings CurlTransfer::timings() const {
    Timings timings;
    timings.lookup = time_of(easy(), CURLINFO_NAMELOOKUP_TIME_T);
    timings.connect = time_of(easy(), CURLINFO_CONNECT_TIME_T);
    timings.tls = time_of(easy(), CURLINFO_APPCONNECT_TIME_T);
    timings.first_byte = time_of(easy(), CURLINFO_STARTTRANSFER_TIME_T);
    timings.total = time_of(easy(), CURLINFO_TOTAL_TIME_T);
    return timings;
}

std::string CurlTransfer::progress() const {
    const Timings reached = timings();
    if (!reached.lookup) {
        return "looking up the name";
    }
    if (!reached.connect) {
        return handshake_begun_ ? "in the TLS handshake" : "connecting";
    }
    return reached.first_byte ? "receiving the answer" : "waiting for the first byte";
}

std::string CurlTransfer::error_text(CURLcode code) const {
    const std::string details = first_line(error_.data());
    long number = 0;
    curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &number);
    switch (code) {
        case CURLE_COULDNT_CONNECT:
            if (number != 0) {
                std::string text = std::strerror(static_cast<int>(number));
                text.front() = static_cast<char>(text.front() | 0x20);  // "connection refused"
                return text;
            }
            return details.empty() ? "cannot connect" : details;
        case CURLE_GOT_NOTHING:
            return "closed without an answer";
        case CURLE_TOO_MANY_REDIRECTS:
            return "too many redirects: " + details;
        default:
            break;
    }
    std::string text = curl_easy_strerror(code);
    return details.empty() || details == text ? text : text + ": " + details;
}

}  // namespace understudy::checks
