#include "checks/probes/connected_transfer.hpp"

#include <optional>
#include <utility>

namespace understudy::checks {

namespace {

std::optional<Duration> later(const std::optional<Duration>& time, Duration by) {
    return time ? std::optional{*time + by} : std::nullopt;
}

}  // namespace

ConnectedTransfer::~ConnectedTransfer() {
    if (connector_) {
        connector_->close();
    }
    loop_.remove(transfer_.easy());
}

void ConnectedTransfer::start(const Endpoint& target, Done done) {
    done_ = std::move(done);
    connector_ = std::make_shared<Connector>(resolver_, target, std::nullopt);
    connector_->start([this](const std::string& error) { connected(error); });
}

void ConnectedTransfer::connected(const std::string& error) {
    if (!error.empty()) {
        const Done done = std::move(done_);
        done(error);
        return;
    }
    transferring_ = true;
    begun_ = connector_->elapsed();
    transfer_.use(connector_->socket());
    loop_.add(transfer_.easy(), [this](CURLcode code) {
        const Done done = std::move(done_);
        done(code == CURLE_OK ? "" : transfer_.error_text(code));
    });
}

std::string ConnectedTransfer::progress() const {
    if (!connector_) {
        return "about to tell";
    }
    return transferring_ ? transfer_.progress() : connector_->progress();
}

Timings ConnectedTransfer::timings() const {
    if (!connector_) {
        return {};
    }
    Timings timings = connector_->timings();
    if (transferring_) {
        const Timings own = transfer_.timings();
        timings.tls = later(own.tls, begun_);
        timings.first_byte = later(own.first_byte, begun_);
    }
    timings.total = connector_->elapsed();
    return timings;
}

}  // namespace understudy::checks
