#include "checks/probes/tcp.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "checks/probes/connector.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

using Error = boost::system::error_code;

constexpr std::size_t most_received = 65536;

class TcpSteps : public std::enable_shared_from_this<TcpSteps> {
public:
    TcpSteps(Resolver& resolver, const Tcp& tcp, Finish finish)
        : tcp_(tcp),
          finish_(std::move(finish)),
          connector_(std::make_shared<Connector>(resolver, tcp.target, tcp.source)) {}

    void start() {
        connector_->start([weak = weak_from_this()](const std::string& error) {
            if (const auto self = weak.lock()) {
                self->connected(error);
            }
        });
    }
    void close() {
        finish_ = nullptr;
        connector_->close();
    }
    std::string progress() const {
        return talking_ ? "waiting for \"" + printable(tcp_.expect, 60) + '"'
                        : connector_->progress();
    }

private:
    void connected(const std::string& error) {
        if (!error.empty()) {
            end(failure(error));
            return;
        }
        if (tcp_.send.empty() && tcp_.expect.empty()) {
            succeed("connected" + connector_->to_whom() + " in " +
                    milliseconds(connector_->elapsed()));
            return;
        }
        talking_ = true;
        if (!tcp_.expect.empty()) {
            receive();
        }
        boost::asio::async_write(connector_->socket(), boost::asio::buffer(tcp_.send),
                                 [weak = weak_from_this()](const Error& failed, std::size_t) {
                                     const auto self = weak.lock();
                                     if (self && self->finish_) {
                                         self->sent(failed);
                                     }
                                 });
    }

    void sent(const Error& error) {
        if (error && tcp_.expect.empty()) {
            end(failure(plain(error)));
        } else if (tcp_.expect.empty()) {
            const std::string detail =
                "sent" + connector_->to_whom() + " in " + milliseconds(connector_->elapsed());
            // Closed in order: a reset would take back what has not arrived yet.
            Error ignored;
            connector_->socket().close(ignored);
            succeed(detail);
        }
    }

    void receive() {
        connector_->socket().async_read_some(
            boost::asio::buffer(buffer_),
            [weak = weak_from_this()](const Error& error, std::size_t size) {
                const auto self = weak.lock();
                if (self && self->finish_) {
                    self->received(error, size);
                }
            });
    }

    void received(const Error& error, std::size_t size) {
        if (error) {
            const std::string how = error == boost::asio::error::eof ? "closed" : plain(error);
            end(failure(how + " before \"" + printable(tcp_.expect, 60) + "\" came"));
            return;
        }
        if (!connector_->timings().first_byte) {
            connector_->timings().first_byte = connector_->elapsed();
        }
        // Only what is new is searched: a server that sends single bytes costs no more than one
        // that sends them at once.
        const std::size_t known = received_.size();
        const std::size_t overlap = std::min(known, tcp_.expect.size() - 1);
        received_.append(buffer_.data(), std::min(size, most_received - known));
        if (received_.find(tcp_.expect, known - overlap) != std::string::npos) {
            succeed("answered in " + milliseconds(connector_->elapsed()));
        } else if (received_.size() == most_received) {
            end(failure("no \"" + printable(tcp_.expect, 60) + "\" within the first 65536 bytes"));
        } else {
            receive();
        }
    }

    void succeed(std::string detail) {
        Outcome outcome;
        outcome.passed = true;
        outcome.detail = std::move(detail);
        end(std::move(outcome));
    }

    void end(Outcome outcome) {
        outcome.timings = connector_->timings();
        outcome.timings.total = connector_->elapsed();
        outcome.output = printable(received_, longest_output);
        const Finish done = std::exchange(finish_, nullptr);
        connector_->close();
        if (done) {
            done(std::move(outcome));
        }
    }

    const Tcp& tcp_;
    Finish finish_;
    std::shared_ptr<Connector> connector_;
    bool talking_ = false;
    std::string received_;
    std::array<char, 4096> buffer_{};
};

}  // namespace

std::unique_ptr<Attempt> start_tcp(Resolver& resolver, const Tcp& tcp, Finish finish) {
    auto steps = std::make_shared<TcpSteps>(resolver, tcp, std::move(finish));
    steps->start();
    return std::make_unique<Handle<TcpSteps>>(std::move(steps));
}

}  // namespace understudy::checks
