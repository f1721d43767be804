/*
 * replay_main.cpp - runs the fuzzer's test over files and directories, without libFuzzer, and reports as that does.
 * Fails if there is nothing to run; a broken rule aborts.
 */
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path>
files_of(const fs::path &path)
{
	if (!fs::is_directory(path))
		return {path};
	std::vector<fs::path> files(fs::directory_iterator(path), {});
	std::sort(files.begin(), files.end());
	return files;
}

void
replay(const fs::path &file)
{
	std::printf("Running: %s\n", file.c_str());
	std::fflush(stdout);
	const auto start = std::chrono::steady_clock::now();
	std::ifstream stream(file, std::ios::binary);
	const std::string bytes(std::istreambuf_iterator<char>(stream), {});
	LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
	const auto elapsed = std::chrono::steady_clock::now() - start;
	const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
	std::printf("Executed %s in %ld ms\n", file.c_str(), static_cast<long>(milliseconds));
}

} // namespace

int
main(int argc, char **argv)
{
	std::size_t count = 0;
	for (const char *argument : std::vector<const char *>(argv + 1, argv + argc))
	{
		for (const auto &file : files_of(argument))
		{
			replay(file);
			count++;
		}
	}
	return count > 0 ? 0 : 1;
}
