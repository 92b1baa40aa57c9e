"""Which containers and decoders of FFmpeg may be used; all others are refused."""

from __future__ import annotations

import av

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,mpegvideo,m4v,h264,hevc,mjpeg,obu,"
    "ivf,asf,wtv,mxf,nut,rm,ogg,gif,apng,dv,"
    "wav,w64,mp3,flac,aac,ac3,eac3,aiff,amr,amrnb,amrwb,au,caf,wv,tta,ape"
)
"""The containers that are read, by FFmpeg's names; none of them is a list of other files."""

_DECODERS = """
    h264 hevc libdav1d av1 vp8 libvpx vp9 libvpx-vp9 vp6 vp6a vp6f vp7 mpeg4 msmpeg4v1 msmpeg4v2
    msmpeg4 h261 h263 h263i flv mpeg1video mpeg2video wmv1 wmv2 wmv3 vc1 mjpeg mjpegb mpegvideo
    theora dvvideo prores dnxhd ffv1 huffyuv ffvhuff utvideo magicyuv rawvideo png apng gif cinepak
    indeo3 indeo4 indeo5 svq1 svq3 qtrle rpza smc msvideo1 msrle tscc tscc2 zlib lagarith v210
    rv10 rv20 rv30 rv40 jpeg2000
    aac aac_fixed aac_latm mp1 mp1float mp2 mp2float mp3 mp3float ac3 ac3_fixed eac3 opus
    libopus vorbis libvorbis flac alac wmav1 wmav2 wmapro wmalossless wmavoice amrnb amrwb
    libopencore_amrnb libopencore_amrwb speex libspeex nellymoser dca truehd mlp ape wavpack
    tta gsm gsm_ms qdm2 qdmc g722 g723_1 g729 mace3 mace6 cook sipr
"""
_ALLOWED = frozenset(_DECODERS.split())
_DECODER_FAMILIES = ("pcm_", "adpcm_")


def is_allowed_decoder(name: str) -> bool:
    """Whether FFmpeg's decoder of this name may be used."""
    return name in _ALLOWED or name.startswith(_DECODER_FAMILIES)


CODEC_WHITELIST = ",".join(sorted(filter(is_allowed_decoder, av.codecs_available)))
"""Those of FFmpeg's decoders here that may be used, by name."""
