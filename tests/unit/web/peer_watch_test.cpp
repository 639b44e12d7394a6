#include "agent/web/peer_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/web/http_server.hpp"

namespace understudy::web {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A node that answers whatever it is told to.
class OtherNode {
public:
    explicit OtherNode(const std::string& answer, int status = 200) {
        server_.Get("/status\\.json",
                    [answer, status](const httplib::Request&, httplib::Response& response) {
                        response.status = status;
                        response.set_content(answer, "application/json");
                    });
        EXPECT_EQ(server_.bind(address_), "");
        server_.start();
    }
    std::string url() const { return "http://" + address_.to_string(); }

private:
    ListenAddress address_{IpAddress::v4(127, 0, 0, 1), 0};
    AllowedHosts hosts_{{}};
    HttpServer server_{hosts_};
};

// What is told of it once it has been asked.
std::string told_of(const std::string& url) {
    PeerWatch peers({url});
    const PeerWatch::Watch watch(peers);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (peers.number() == 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
    }
    return peers.document();
}

TEST(PeerWatchTest, TellsWhoHoldsWhatThere) {
    const OtherNode node(
        R"({"node":"lb2","version":"0.1.0","maintenance":true,"vips":[
            {"name":"web","state":"active","active":{"address":"192.0.2.2","priority":100}},
            {"name":"dns","state":"backup","active":{"address":"192.0.2.1","priority":150}}]})");
    EXPECT_EQ(told_of(node.url()),
              R"({"peers":[{"url":")" + node.url() +
                  R"(","trouble":"","node":"lb2","version":"0.1.0","maintenance":true,"vips":[)"
                  R"({"name":"web","state":"active","address":"192.0.2.2"},)"
                  R"({"name":"dns","state":"backup","address":""}]}]})");
}

TEST(PeerWatchTest, TellsWhyThereIsNothing) {
    const OtherNode without_agent(R"({"error":"no agent answers","usage":false})", 503);
    EXPECT_THAT(told_of(without_agent.url()), HasSubstr(R"("trouble":"no agent answers")"));
    const OtherNode stranger("<html>");
    EXPECT_THAT(told_of(stranger.url()), HasSubstr("not valid JSON"));
    const OtherNode another(R"({"done":"x"})");
    EXPECT_THAT(told_of(another.url()), HasSubstr("something else"));
    EXPECT_THAT(told_of("http://127.0.0.1:1"), HasSubstr("no answer"));
}

TEST(PeerWatchTest, AsksNobodyWhileNobodyLooks) {
    const OtherNode node(R"({"node":"lb2","vips":[]})");
    PeerWatch peers({node.url()});
    EXPECT_THAT(peers.document(), HasSubstr("has not answered yet"));
    EXPECT_EQ(peers.number(), 0U);
}

TEST(PeerWatchTest, KnowsAUrl) {
    for (const char* url : {"http://lb2:9112", "http://192.0.2.2:9112/", "https://lb2.example.net",
                            "http://[2001:db8::2]:9112"}) {
        EXPECT_EQ(PeerWatch::complaint_about(url), "") << url;
    }
    for (const char* url :
         {"", "lb2", "lb2:9112", "ftp://lb2", "http://", "http://lb2:9112/status.json",
          "http://user@lb2", "http://lb2:x", "file:///etc/passwd"}) {
        EXPECT_NE(PeerWatch::complaint_about(url), "") << url;
    }
}

}  // namespace
}  // namespace understudy::web
