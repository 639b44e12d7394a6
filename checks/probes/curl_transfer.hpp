// What every transfer through libcurl has in common: what was given to it, what came back, how far
// it has come, and the words for what went wrong.
#pragma once

#include <array>
#include <string>

#include "checks/outcome.hpp"
#include "checks/probes/curl_loop.hpp"
#include "checks/probes/loaded_files.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

class CurlTransfer {
public:
    CurlTransfer();
    ~CurlTransfer();
    CurlTransfer(const CurlTransfer&) = delete;
    CurlTransfer& operator=(const CurlTransfer&) = delete;

    CURL* easy() const { return easy_.get(); }
    // A new connection each time, no proxy, nothing but this scheme.
    void set_url(const std::string& url, const char* schemes);
    // An empty text, or which file could not be read.
    std::string set_tls(const TlsClient& tls, const LoadedFiles& files);
    std::string set_credentials(Credentials kind, const std::string& path,
                                const LoadedFiles& files);
    void add_header(const std::string& line);
    void apply_headers();
    // Connect to `target` (HOST:PORT) instead of what the URL says.
    void set_connect(const std::string& target);

    Timings timings() const;
    std::string progress() const;
    // "connection refused", "certificate verify failed: certificate has expired".
    std::string error_text(CURLcode code) const;

private:
    static CURLcode on_handshake(CURL* easy, void* context, void* self);

    Easy easy_;
    bool handshake_begun_ = false;
    curl_slist* headers_ = nullptr;
    curl_slist* connect_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace understudy::checks
