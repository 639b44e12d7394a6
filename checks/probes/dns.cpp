#include "checks/probes/dns.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "checks/probes/dns_client.hpp"
#include "checks/probes/dns_message.hpp"
#include "checks/probes/handle.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

class DnsAttempt : public std::enable_shared_from_this<DnsAttempt> {
public:
    DnsAttempt(Resolver& resolver, const Dns& dns, Finish finish)
        : context_(resolver.context()),
          dns_(dns),
          finish_(std::move(finish)),
          type_(record_type(dns.record).value_or(0)),
          lookup_(resolver) {}

    void start() {
        lookup_.start(dns_.server.host, {}, [this](const Lookup::Found& found) {
            const auto self = shared_from_this();  // finishing may end the attempt
            lookup_.cancel();                      // those of one family are enough for a start
            resolved(found);
        });
    }
    void close() {
        finish_ = nullptr;
        lookup_.cancel();
        client_.reset();
    }

    std::string progress() const {
        if (!client_) {
            return lookup_.progress();
        }
        return client_->asks_by_tcp() ? "waiting for an answer of the name server by TCP"
                                      : "waiting for an answer of the name server";
    }

private:
    void resolved(const Lookup::Found& found) {
        if (!found.error.empty()) {
            end(failure("the name server cannot be found: " + found.error));
            return;
        }
        timings_.lookup = watch_.elapsed();
        DnsClient::Settings settings;
        for (const auto& address : found.addresses) {
            settings.servers.emplace_back(address, dns_.server.port);
        }
        settings.by_edns = true;
        settings.takes_errors = true;
        client_ = std::make_unique<DnsClient>(context_, settings);
        client_->ask(dns_.name, type_, [this](const DnsClient::Answer& answer) {
            const auto self = shared_from_this();
            end(judge(answer));
        });
    }

    Outcome judge(const DnsClient::Answer& given) const {
        const std::string what = dns_.name + ' ' + dns_.record;
        const std::string how = client_->asks_by_tcp() ? " by TCP" : "";
        if (!given.error.empty()) {
            return failure(what + ": " + given.error + how);
        }
        const DnsAnswer answer = read_dns_answer(given.message, given.id, dns_.name, type_);
        if (!answer.ours) {
            return failure(what + ": malformed answer" + how);
        }
        if (!answer.error.empty()) {
            return failure(what + ": " + answer.error + how);
        }
        if (answer.records.empty()) {
            return failure(what + ": no such record");
        }
        const bool found = dns_.answer.empty() ||
                           std::ranges::find(answer.records, dns_.answer) != answer.records.end();
        std::string records;
        for (const std::string& record : answer.records) {
            records += (records.empty() ? "" : ", ") + printable(record, 80);
        }
        if (!found) {
            return failure(what + " is " + printable(records, 200) + ", not " + dns_.answer);
        }
        Outcome outcome;
        outcome.passed = true;
        outcome.detail =
            what + " is " + printable(records, 200) + how + " in " + milliseconds(watch_.elapsed());
        outcome.output = records;
        return outcome;
    }

    void end(Outcome outcome) {
        const Finish done = std::exchange(finish_, nullptr);
        close();
        outcome.timings = timings_;
        outcome.timings.total = watch_.elapsed();
        outcome.timings.first_byte = outcome.passed ? outcome.timings.total : std::nullopt;
        if (done) {
            done(std::move(outcome));
        }
    }

    boost::asio::io_context& context_;
    const Dns& dns_;
    Finish finish_;
    int type_;
    Stopwatch watch_;
    Timings timings_;
    Lookup lookup_;
    std::unique_ptr<DnsClient> client_;
};

}  // namespace

std::unique_ptr<Attempt> start_dns(Resolver& resolver, const Dns& dns, Finish finish) {
    auto attempt = std::make_shared<DnsAttempt>(resolver, dns, std::move(finish));
    attempt->start();
    return std::make_unique<Handle<DnsAttempt>>(std::move(attempt));
}

}  // namespace understudy::checks
