// That understudy.conf(5) describes every key that the parser takes.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "agent/config/check_keys.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/service_keys.hpp"

namespace understudy::config {
namespace {

// The first words of the lines ".It Cm key ...": what the page has an entry for.
std::set<std::string> described() {
    std::ifstream page(UNDERSTUDY_SOURCE_DIR "/docs/man/understudy.conf.5");
    std::set<std::string> keys;
    for (std::string line; std::getline(page, line);) {
        std::istringstream words(line);
        std::string it;
        std::string cm;
        words >> it >> cm;
        if (it != ".It" || cm != "Cm") {
            continue;
        }
        for (std::string word; words >> word && word != "No";) {
            if (word.back() == ',') {
                word.pop_back();
            }
            keys.insert(word);
        }
    }
    return keys;
}

template <class Keys>
void expect_described(const Keys& keys, const std::string& section) {
    static const std::set<std::string> page = described();
    for (const auto& key : keys) {
        EXPECT_TRUE(page.contains(key.name)) << section << ": " << key.name;
    }
}

TEST(Manual, DescribesEveryKey) {
    expect_described(agent_keys(), "[agent]");
    expect_described(vip_keys(), "[vip]");
    expect_described(service_keys(), "[service]");
    for (const std::string& type : check_types()) {
        expect_described(check_keys(type), "[check] " + type);
    }
}

}  // namespace
}  // namespace understudy::config
