#include "checks/probes/url.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "checks/probes/connected_transfer.hpp"
#include "checks/probes/url_parts.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

constexpr const char* url_schemes =
    "smtp,smtps,imap,imaps,pop3,pop3s,ftp,ftps,ldap,ldaps,mqtt,rtsp,telnet";

class UrlAttempt : public Attempt {
public:
    UrlAttempt(Resolver& resolver, const CurlTools& tools, const Url& url, Finish finish)
        : url_(url), finish_(std::move(finish)), transfer_(resolver, tools.loop) {
        const std::string error = prepare(tools);
        if (error.empty()) {
            transfer_.start(UrlParts{url.url}.endpoint(),
                            [this](const std::string& why) { ended(why); });
            return;
        }
        boost::asio::post(resolver.context(), [alive = std::weak_ptr<int>(alive_), this, error] {
            if (!alive.expired()) {
                const Finish done = std::move(finish_);
                done(failure(error));
            }
        });
    }

    std::string progress() const override { return transfer_.progress(); }

private:
    std::string prepare(const CurlTools& tools) {
        CurlTransfer& transfer = transfer_.transfer();
        transfer.set_url(url_.url, url_schemes);
        // An RTSP session begins with a request (OPTIONS); the others greet, and then it is enough.
        if (!url_.url.starts_with("rtsp")) {
            curl_easy_setopt(transfer.easy(), CURLOPT_CONNECT_ONLY, 1L);
        }
        curl_easy_setopt(transfer.easy(), CURLOPT_WRITEFUNCTION, &UrlAttempt::ignore);
        curl_easy_setopt(transfer.easy(), CURLOPT_HEADERFUNCTION, &UrlAttempt::ignore);
        std::string error = transfer.set_tls(url_.tls, tools);
        return error.empty()
                   ? transfer.set_credentials(url_.credentials, url_.credentials_file, tools.files)
                   : error;
    }

    static std::size_t ignore(char*, std::size_t size, std::size_t count, void*) {
        return size * count;
    }

    void ended(const std::string& error) {
        Outcome outcome;
        outcome.timings = transfer_.timings();
        outcome.passed = error.empty();
        const std::string scheme = url_.url.substr(0, url_.url.find(':'));
        outcome.detail = outcome.passed
                             ? scheme + " answered in " +
                                   milliseconds(outcome.timings.total.value_or(Duration{}))
                             : error;
        const Finish done = std::move(finish_);
        done(std::move(outcome));
    }

    const Url& url_;
    Finish finish_;
    ConnectedTransfer transfer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace

std::unique_ptr<Attempt> start_url(Resolver& resolver, const CurlTools& tools, const Url& url,
                                   Finish finish) {
    return std::make_unique<UrlAttempt>(resolver, tools, url, std::move(finish));
}

}  // namespace understudy::checks
