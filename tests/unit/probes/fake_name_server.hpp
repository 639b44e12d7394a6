// A name server on loopback, by UDP and TCP, that does what a test tells it to. It writes its
// answers by hand, after RFC 1035 and RFC 6891, and runs in the test's own loop.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace understudy::checks {

constexpr int type_a = 1;
constexpr int type_aaaa = 28;

class FakeNameServer {
public:
    struct Question {
        std::string name;
        int type = 0;
        bool by_tcp = false;
        bool has_edns = false;
        std::string whole;  // the message
    };
    struct Reply {
        bool silent = false;
        unsigned code = 0;
        std::vector<std::string> addresses{};  // those of the other family are left out
        bool truncated = false;
        std::chrono::milliseconds delay{0};
    };
    using Answers = std::function<Reply(const Question&)>;

    FakeNameServer(boost::asio::io_context& context, Answers answers,
                   const std::string& address = "127.0.0.1")
        : context_(context),
          answers_(std::move(answers)),
          udp_(context, {boost::asio::ip::make_address(address), 0}),
          acceptor_(context,
                    {boost::asio::ip::make_address(address), udp_.local_endpoint().port()}) {
        receive();
        accept();
    }

    boost::asio::ip::udp::endpoint endpoint() const { return udp_.local_endpoint(); }

    std::vector<Question> questions;

private:
    using Error = boost::system::error_code;
    using Message = std::shared_ptr<std::string>;

    static std::uint16_t number(const std::string& text, std::size_t place) {
        return static_cast<std::uint16_t>(static_cast<unsigned char>(text.at(place)) << 8U |
                                          static_cast<unsigned char>(text.at(place + 1)));
    }
    static std::string two_bytes(unsigned value) {
        return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
    }

    static Question read(const std::string& message, bool by_tcp, std::size_t& end) {
        Question question;
        std::size_t place = 12;
        while (message.at(place) != 0) {
            const auto size = static_cast<std::size_t>(message.at(place));
            question.name += (question.name.empty() ? "" : ".") + message.substr(place + 1, size);
            place += 1 + size;
        }
        question.type = number(message, place + 1);
        question.by_tcp = by_tcp;
        question.has_edns = number(message, 10) > 0;
        question.whole = message;
        end = place + 5;
        return question;
    }

    static std::string write(const std::string& query, std::size_t end, int type,
                             const Reply& reply) {
        std::string records;
        unsigned count = 0;
        for (const std::string& text : reply.addresses) {
            std::array<char, 16> bytes{};
            const bool v4 = inet_pton(AF_INET, text.c_str(), bytes.data()) == 1;
            if (!v4 && inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) {
                ADD_FAILURE() << text;
            }
            if (v4 == (type == type_a)) {
                ++count;
                records += two_bytes(0xc00c) + two_bytes(static_cast<unsigned>(type)) +
                           two_bytes(1) + two_bytes(0) + two_bytes(60) + two_bytes(v4 ? 4 : 16) +
                           std::string(bytes.data(), v4 ? 4 : 16);
            }
        }
        const unsigned flags = 0x8180U | (reply.truncated ? 0x0200U : 0U) | reply.code;
        return query.substr(0, 2) + two_bytes(flags) + two_bytes(1) +
               two_bytes(reply.truncated ? 0 : count) + two_bytes(0) + two_bytes(0) +
               query.substr(12, end - 12) + (reply.truncated ? "" : records);
    }

    // Calls `send` with the answer, if there is one, when its time has come.
    void answer(const std::string& query, bool by_tcp, std::function<void(Message)> send) {
        std::size_t end = 0;
        const Question question = read(query, by_tcp, end);
        questions.push_back(question);
        const Reply reply = answers_(question);
        if (reply.silent) {
            return;
        }
        auto message = std::make_shared<std::string>(write(query, end, question.type, reply));
        if (reply.delay.count() == 0) {
            send(message);
            return;
        }
        auto timer = std::make_shared<boost::asio::steady_timer>(context_, reply.delay);
        timer->async_wait([timer, message, send](const Error& error) {
            if (!error) {
                send(message);
            }
        });
    }

    void receive() {
        udp_.async_receive_from(
            boost::asio::buffer(buffer_), from_, [this](const Error& error, std::size_t size) {
                if (error == boost::asio::error::operation_aborted) {
                    return;
                }
                if (!error) {
                    answer({buffer_.data(), size}, false, [this, to = from_](const Message& text) {
                        Error ignored;
                        udp_.send_to(boost::asio::buffer(*text), to, 0, ignored);
                    });
                }
                receive();
            });
    }

    // A connection, with one question.
    struct Client {
        explicit Client(boost::asio::io_context& context) : socket(context) {}
        boost::asio::ip::tcp::socket socket;
        std::string size = std::string(2, 0);
        std::string query;
    };

    void accept() {
        auto client = std::make_shared<Client>(context_);
        acceptor_.async_accept(client->socket, [this, client](const Error& error) {
            if (error == boost::asio::error::operation_aborted) {
                return;
            }
            boost::asio::async_read(client->socket, boost::asio::buffer(client->size),
                                    [this, client](const Error& failed, std::size_t) {
                                        if (!failed) {
                                            read_query(client);
                                        }
                                    });
            accept();
        });
    }

    void read_query(const std::shared_ptr<Client>& client) {
        client->query.resize(number(client->size, 0));
        boost::asio::async_read(client->socket, boost::asio::buffer(client->query),
                                [this, client](const Error& failed, std::size_t) {
                                    if (failed) {
                                        return;
                                    }
                                    answer(client->query, true, [client](const Message& text) {
                                        Error ignored;
                                        const std::string whole =
                                            two_bytes(static_cast<unsigned>(text->size())) + *text;
                                        boost::asio::write(client->socket,
                                                           boost::asio::buffer(whole), ignored);
                                    });
                                });
    }

    boost::asio::io_context& context_;
    Answers answers_;
    boost::asio::ip::udp::socket udp_;
    boost::asio::ip::udp::endpoint from_;
    std::array<char, 4096> buffer_{};
    boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace understudy::checks
