#include "checks/probes/url.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "checks/probes/curl_transfer.hpp"
#include "checks/probes/words.hpp"

namespace understudy::checks {

namespace {

constexpr const char* schemes =
    "smtp,smtps,imap,imaps,pop3,pop3s,ftp,ftps,ldap,ldaps,mqtt,rtsp,telnet";

class UrlAttempt : public Attempt {
public:
    UrlAttempt(boost::asio::io_context& context, CurlLoop& loop, const LoadedFiles& files,
               const Url& url, Finish finish)
        : loop_(loop), url_(url), finish_(std::move(finish)) {
        CURL* easy = transfer_.easy();
        transfer_.set_url(url.url, schemes);
        // An RTSP session begins with a request (OPTIONS); the others greet, and then it is enough.
        if (!url.url.starts_with("rtsp")) {
            curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
        }
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &UrlAttempt::ignore);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &UrlAttempt::ignore);
        std::string error = transfer_.set_tls(url.tls, files);
        if (error.empty()) {
            error = transfer_.set_credentials(url.credentials, url.credentials_file, files);
        }
        if (error.empty()) {
            loop_.add(easy, [this](CURLcode code) { ended(code); });
            return;
        }
        boost::asio::post(context, [alive = std::weak_ptr<int>(alive_), this, error] {
            if (!alive.expired()) {
                const Finish done = std::move(finish_);
                done(failure(error));
            }
        });
    }
    ~UrlAttempt() override { loop_.remove(transfer_.easy()); }

    std::string progress() const override { return transfer_.progress(); }

private:
    static std::size_t ignore(char*, std::size_t size, std::size_t count, void*) {
        return size * count;
    }

    void ended(CURLcode code) {
        Outcome outcome;
        outcome.timings = transfer_.timings();
        outcome.passed = code == CURLE_OK;
        const std::string scheme = url_.url.substr(0, url_.url.find(':'));
        outcome.detail = outcome.passed
                             ? scheme + " answered in " +
                                   milliseconds(outcome.timings.total.value_or(Duration{}))
                             : transfer_.error_text(code);
        const Finish done = std::move(finish_);
        done(std::move(outcome));
    }

    CurlLoop& loop_;
    const Url& url_;
    Finish finish_;
    CurlTransfer transfer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace

std::unique_ptr<Attempt> start_url(boost::asio::io_context& context, CurlLoop& loop,
                                   const LoadedFiles& files, const Url& url, Finish finish) {
    return std::make_unique<UrlAttempt>(context, loop, files, url, std::move(finish));
}

}  // namespace understudy::checks
