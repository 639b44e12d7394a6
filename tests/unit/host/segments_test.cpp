// The ring of files of a journal.
#include "agent/host/segments.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace understudy::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Ring : public testing::Test {
protected:
    Ring() {
        std::string path = testing::TempDir() + "segments-XXXXXX";
        dir_ = mkdtemp(path.data());
    }
    ~Ring() override { std::filesystem::remove_all(dir_); }

    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
            names.push_back(entry.path().filename());
        }
        std::ranges::sort(names);
        return names;
    }
    std::string content(const std::string& name) const {
        std::stringstream text;
        text << std::ifstream(dir_ / name).rdbuf();
        return text.str();
    }

    std::filesystem::path dir_;
    Segments::Limits small_{20, 3};
};

TEST_F(Ring, EveryFileBeginsWithTheHeaderAndIsForItsOwnerOnly) {
    Segments segments(dir_, "head", small_);
    for (const char* line : {"one", "two", "three", "four"}) {
        EXPECT_EQ(segments.write(line), "");
    }
    EXPECT_THAT(files(), ElementsAre("events-000001.jsonl", "events-000002.jsonl"));
    EXPECT_EQ(content("events-000001.jsonl"), "head\none\ntwo\nthree\n");
    EXPECT_EQ(content("events-000002.jsonl"), "head\nfour\n");
    struct stat file{};
    ASSERT_EQ(stat((dir_ / "events-000001.jsonl").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
}

TEST_F(Ring, TheOldestGoFirstAlsoThoseOfAFormerAgent) {
    {
        Segments former(dir_, "former", small_);
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(former.write("0123456789"), "");
        }
    }
    EXPECT_THAT(files(),
                ElementsAre("events-000003.jsonl", "events-000004.jsonl", "events-000005.jsonl"));
    std::ofstream(dir_ / "events-other") << "is left alone";
    Segments segments(dir_, "head", small_);
    EXPECT_EQ(segments.write("first"), "");
    EXPECT_THAT(files(), ElementsAre("events-000004.jsonl", "events-000005.jsonl",
                                     "events-000006.jsonl", "events-other"));
    EXPECT_EQ(content("events-000006.jsonl"), "head\nfirst\n");
}

TEST_F(Ring, WhatIsWrongIsSaid) {
    Segments nowhere(dir_ / "none", "head", small_);
    EXPECT_THAT(nowhere.write("line"), HasSubstr("cannot create"));
    Segments large(dir_, "a header of more than half a file", small_);
    EXPECT_EQ(large.write("line"), "the configuration is too long");
    EXPECT_THAT(files(), ElementsAre());
}

}  // namespace
}  // namespace understudy::host
