// Files that are read before the rights are given up.
#include "checks/probes/loaded_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

class LoadedFilesTest : public Probing {
protected:
    LoadedFilesTest() { std::filesystem::create_directory(folder); }
    ~LoadedFilesTest() override { std::filesystem::remove_all(folder); }

    // Of a check that logs in with it.
    void name(const std::string& path) {
        Http http;
        http.credentials_file = path;
        files.name(http);
    }
    std::string path(const char* name) const { return (folder / name).string(); }

    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("us-unit-" + std::to_string(getpid()) + "-files");
    LoadedFiles files{context};
};

TEST_F(LoadedFilesTest, every_named_file_is_read_or_has_a_reason) {
    const std::string large(longest_file, 'x');
    std::ofstream(path("secret")) << "user:password\n";
    std::ofstream(path("empty"));
    std::ofstream(path("largest")) << large;
    std::ofstream(path("too_large")) << large << 'x';
    mkfifo(path("fifo").c_str(), 0600);
    for (const char* each : {"secret", "empty", "largest", "too_large", "fifo", "none"}) {
        name(path(each));
    }
    files.read(std::chrono::seconds{10});
    EXPECT_EQ(files.at(path("secret")).content, "user:password\n");
    EXPECT_EQ(files.at(path("secret")).error, "");
    EXPECT_EQ(files.at(path("empty")).error, "");
    EXPECT_EQ(files.at(path("largest")).content, large);
    EXPECT_EQ(files.at(path("too_large")).error, path("too_large") + ": larger than 1 MiB");
    EXPECT_EQ(files.at(path("fifo")).error, path("fifo") + ": not a regular file");
    EXPECT_EQ(files.at(path("none")).error, path("none") + ": No such file or directory");
    EXPECT_EQ(files.at("/other").error, "a file was not read when the prober started");
}

TEST_F(LoadedFilesTest, file_that_is_not_there_in_time_counts_when_it_is) {
    std::ofstream(path("secret")) << "user:password\n";
    name(path("secret"));
    files.read(std::chrono::milliseconds{0});
    EXPECT_EQ(files.at(path("secret")).error,
              path("secret") + ": not read within 0.00 ms (does its file system not answer?)");
    EXPECT_TRUE(run_until([this] { return files.at(path("secret")).error.empty(); }));
    EXPECT_EQ(files.at(path("secret")).content, "user:password\n");
}

TEST_F(LoadedFilesTest, authorities_of_the_system_are_read_where_they_are_trusted) {
    Tls tls;
    files.name(tls);
    files.read(std::chrono::seconds{10});
    EXPECT_NE(files.at(system_authorities()).content.find("BEGIN CERTIFICATE"), std::string::npos)
        << files.at(system_authorities()).error;
}

}  // namespace
}  // namespace understudy::checks
