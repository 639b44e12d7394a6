// libcurl's multi interface on an Asio loop.
//
// libcurl names the sockets that it waits for; they live in one epoll set of their own, and Asio
// waits for that set. So no descriptor ever has two owners.
#pragma once

#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace understudy::checks {

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

class CurlLoop {
public:
    using Done = std::function<void(CURLcode)>;

    // Throws std::runtime_error if libcurl or the kernel refuses.
    explicit CurlLoop(boost::asio::io_context& context);
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;
    ~CurlLoop();

    // `easy` belongs to the caller and outlives the transfer. `done` is called once, from the loop,
    // when the transfer has ended and the handle is out of the loop again.
    void add(CURL* easy, Done done);
    // Ends the transfer; `done` is not called. Not from within a callback of libcurl.
    void remove(CURL* easy);

private:
    static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long milliseconds, void* self);
    void arm();
    void wait();
    void sockets_ready();
    void timed_out();
    void collect();

    CURLM* multi_ = nullptr;
    CURLSH* sessions_ = nullptr;  // TLS sessions of earlier runs: a handshake is then cheap
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer timer_;
    // When libcurl wants to be called, and for when the timer is set: that may be earlier, since
    // most wishes are taken back, and setting it each time costs more than one call too many.
    std::optional<std::chrono::steady_clock::time_point> wanted_;
    std::optional<std::chrono::steady_clock::time_point> armed_;
    std::map<CURL*, Done> transfers_;
};

}  // namespace understudy::checks
