// What the tests of attempts share: a loop, an outcome that is waited for, a server on loopback.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <thread>

#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

class Probing : public testing::Test {
protected:
    Finish keep() {
        return [this](Outcome outcome) { outcome_ = std::move(outcome); };
    }
    // Runs the loop until the outcome is there; a test that waits this long has failed.
    Outcome wait(std::chrono::seconds limit = std::chrono::seconds{20}) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!outcome_ && std::chrono::steady_clock::now() < end) {
            context.run_one_for(std::chrono::milliseconds{50});
            context.restart();
        }
        EXPECT_TRUE(outcome_.has_value()) << "no outcome";
        return outcome_.value_or(Outcome{});
    }
    bool run_until(const std::function<bool()>& condition,
                   std::chrono::seconds limit = std::chrono::seconds{20}) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition() && std::chrono::steady_clock::now() < end) {
            context.run_one_for(std::chrono::milliseconds{20});
            context.restart();
        }
        return condition();
    }

    boost::asio::io_context context;
    NameServers name_servers;  // none, unless a test has one
    Resolver resolver{context, {[this] { return name_servers; }, true}};
    std::optional<Outcome> outcome_;
};

// Answers one connection after the other, each with `serve`, in a thread of its own.
class TcpServer {
public:
    using Socket = boost::asio::ip::tcp::socket;

    explicit TcpServer(std::function<void(Socket&)> serve)
        : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
          port(acceptor_.local_endpoint().port()),
          thread_([this, serve = std::move(serve)] {
              while (true) {
                  boost::system::error_code error;
                  Socket socket(context_);
                  boost::asio::ip::tcp::endpoint client;
                  acceptor_.accept(socket, client, error);
                  if (error || client.port() == last_client_) {
                      return;
                  }
                  try {
                      serve(socket);
                  } catch (const boost::system::system_error&) {
                      // the client went away
                  }
              }
          }) {}
    // Those that connected before this are served before, also if nobody has accepted them yet.
    ~TcpServer() {
        boost::system::error_code error;
        Socket last(context_, {boost::asio::ip::address_v4::loopback(), 0});
        last_client_ = last.local_endpoint().port();
        last.connect({boost::asio::ip::address_v4::loopback(), port}, error);
        thread_.join();
    }

private:
    boost::asio::io_context context_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::atomic<std::uint16_t> last_client_ = 0;

public:
    const std::uint16_t port;

private:
    std::thread thread_;
};

// An address that swallows what is sent to it: its queue of connections is full.
class SilentPort {
public:
    SilentPort(boost::asio::io_context& context, const std::string& address, std::uint16_t port = 0)
        : acceptor_(context) {
        const boost::asio::ip::tcp::endpoint endpoint{boost::asio::ip::make_address(address), port};
        acceptor_.open(endpoint.protocol());
        acceptor_.set_option(boost::asio::socket_base::reuse_address(true));
        acceptor_.bind(endpoint);
        acceptor_.listen(0);
        // The kernel accepts one more than the backlog; the next connection hangs.
        for (int i = 0; i < 3; ++i) {
            queue_.emplace_back(context);
            queue_.back().async_connect(acceptor_.local_endpoint(),
                                        [](const boost::system::error_code&) {});
        }
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    boost::asio::ip::tcp::acceptor acceptor_;
    std::list<boost::asio::ip::tcp::socket> queue_;
};

}  // namespace understudy::checks
