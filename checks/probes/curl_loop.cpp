#include "checks/probes/curl_loop.hpp"

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "base/system_error.hpp"

namespace understudy::checks {

CurlLoop::CurlLoop(boost::asio::io_context& context) : epoll_(context), timer_(context) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        throw_system_error("cannot create an epoll descriptor");
    }
    epoll_.assign(epoll);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = curl_multi_init();
    sessions_ = curl_share_init();
    if (multi_ == nullptr || sessions_ == nullptr) {
        throw std::runtime_error("libcurl cannot be initialized");
    }
    curl_share_setopt(sessions_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    wait();
}

CurlLoop::~CurlLoop() {
    while (!transfers_.empty()) {
        remove(transfers_.begin()->first);
    }
    curl_multi_cleanup(multi_);
    curl_share_cleanup(sessions_);
}

void CurlLoop::add(CURL* easy, Done done) {
    curl_easy_setopt(easy, CURLOPT_SHARE, sessions_);
    transfers_.emplace(easy, std::move(done));
    // It begins from the timer that libcurl sets now, so never within this call.
    curl_multi_add_handle(multi_, easy);
}

void CurlLoop::remove(CURL* easy) {
    if (transfers_.erase(easy) > 0) {
        curl_multi_remove_handle(multi_, easy);
    }
}

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto& loop = *static_cast<CurlLoop*>(self);
    const int epoll = loop.epoll_.native_handle();
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);  // closed already: then it is out
        return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    if (epoll_ctl(epoll, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) != 0) {
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    }
    curl_multi_assign(loop.multi_, socket, self);  // known from now on
    return 0;
}

int CurlLoop::on_timer(CURLM*, long milliseconds, void* self) {
    auto& loop = *static_cast<CurlLoop*>(self);
    loop.wanted_.reset();
    if (milliseconds >= 0) {
        loop.wanted_ = std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds};
        loop.arm();
    }
    return 0;
}

void CurlLoop::arm() {
    if (!wanted_ || (armed_ && *armed_ <= *wanted_)) {
        return;
    }
    armed_ = wanted_;
    timer_.expires_at(*wanted_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            armed_.reset();
            timed_out();
        }
    });
}

void CurlLoop::wait() {
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& error) {
                          if (!error) {
                              sockets_ready();
                              wait();
                          }
                      });
}

void CurlLoop::sockets_ready() {
    std::array<epoll_event, 64> events{};
    const int count =
        epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events.at(static_cast<std::size_t>(i));
        const int what = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                         ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                         ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
        int running = 0;
        curl_multi_socket_action(multi_, event.data.fd, what, &running);
    }
    collect();
}

void CurlLoop::timed_out() {
    if (wanted_ && *wanted_ <= std::chrono::steady_clock::now()) {
        wanted_.reset();
        int running = 0;
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
        collect();
    }
    arm();
}

// One at a time: `done` may end other transfers, whose messages libcurl then takes back.
void CurlLoop::collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURL* easy = message->easy_handle;
        const CURLcode result = message->data.result;
        const auto found = transfers_.find(easy);
        if (found == transfers_.end()) {
            continue;
        }
        const Done done = std::move(found->second);
        remove(easy);
        done(result);
    }
}

}  // namespace understudy::checks
