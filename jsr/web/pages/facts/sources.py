"""The reports that jsr grew out of, data sets, and programs."""

from django.utils.translation import gettext_lazy as _

from jsr.web.pages.facts.work import Work

REPORTS = (
  Work(
    'report000',
    '白哲睿, 黃于瑞, 洪聖博, 楊笠笙',
    'SR-NET與ESRGAN 生成圖像之比較',
    '2021',
    '',
    _('Report 000: SR-NET, the Taguchi study, impulse noise'),
    'zh-hant',
  ),
  Work(
    'report001',
    '林峰正, 黃仰辰, 張耀文; 葉慶隆',
    '利用人工智慧提升圖片解析度',
    '大同大學 2023',
    '',
    _('Report 001: RRIM, SRGAN without batch norm, and the website that this one is'
      ' modelled on'),
    'zh-hant',
  ),
  Work(
    'report002',
    '김지성',
    'DL Seminar: SRGAN',
    '한양대학교',
    '',
    _('Report 002: the five variants of SRGAN, and face verification after it'),
  ),
  Work(
    'report003',
    'Jiayu Guo, Ziyang Zhou',
    'Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial'
    ' Network (SRGAN and EDSRGAN two methods)',
    'EE541 2022',
    '',
    _('Report 003: a GAN with dense blocks, EDSR of eight blocks, mixed degradations'),
  ),
  Work(
    'report004',
    '',
    '不同模型在超分辨率领域效果的复现和比较',
    '',
    '',
    _('Report 004: Anime4K, SRCNN and ESPCN on drawings, and the ranking by speed'),
    'zh-hans',
  ),
)  # fmt: skip

DATA_SETS = (
  Work(
    'set5',
    'Marco Bevilacqua, Aline Roumy, Christine Guillemot, Marie-Line Alberi-Morel',
    'Low-Complexity Single-Image Super-Resolution based on Nonnegative Neighbor'
    ' Embedding',
    'BMVC 2012',
    'https://doi.org/10.5244/C.26.135',
    _('Set5, for measuring'),
  ),
  Work(
    'set14',
    'Roman Zeyde, Michael Elad, Matan Protter',
    'On Single Image Scale-Up Using Sparse-Representations',
    'Curves and Surfaces 2010',
    'https://doi.org/10.1007/978-3-642-27413-8_47',
    _('Set14, for measuring'),
  ),
  Work(
    'bsd',
    'Pablo Arbeláez, Michael Maire, Charless Fowlkes, Jitendra Malik',
    'Contour Detection and Hierarchical Image Segmentation',
    'IEEE TPAMI 2011',
    'https://doi.org/10.1109/TPAMI.2010.161',
    _(
      'BSDS500: its 100 validation pictures are BSD100, for measuring; the others train'
    ),
  ),
  Work(
    't91',
    'Jianchao Yang, John Wright, Thomas S. Huang, Yi Ma',
    'Image Super-Resolution Via Sparse Representation',
    'IEEE TIP 2010',
    'https://doi.org/10.1109/TIP.2010.2050625',
    _('T91, the 91 pictures that the first networks were trained on'),
  ),
  Work(
    'div2k',
    'Eirikur Agustsson, Radu Timofte',
    'NTIRE 2017 Challenge on Single Image Super-Resolution: Dataset and Study',
    'CVPR Workshops 2017',
    'https://data.vision.ee.ethz.ch/cvl/DIV2K/',
    _('DIV2K, for training'),
  ),
  Work(
    'lfw',
    'Gary B. Huang, Manu Ramesh, Tamara Berg, Erik Learned-Miller',
    'Labeled Faces in the Wild: A Database for Studying Face Recognition in'
    ' Unconstrained Environments',
    '2007',
    'https://vis-www.cs.umass.edu/lfw/',
    _('Faces, in report 002'),
  ),
  Work(
    'photographs',
    'scikit-image',
    'skimage.data',
    '',
    'https://scikit-image.org/docs/stable/api/skimage.data.html',
    _('The photographs of the first page; they come with that package'),
  ),
)

PROGRAMS = (
  Work('jax', 'Google', 'JAX', '', 'https://docs.jax.dev/',
       _('Arrays, gradients, compilation')),
  Work('flax', 'Google', 'Flax', '', 'https://flax.readthedocs.io/',
       _('Networks as functions')),
  Work('optax', 'Google', 'Optax', '', 'https://optax.readthedocs.io/',
       _('Optimisers')),
  Work('orbax', 'Google', 'Orbax', '', 'https://orbax.readthedocs.io/',
       _('Checkpoints')),
  Work('grain', 'Google', 'Grain', '', 'https://google-grain.readthedocs.io/',
       _('Reading data')),
  Work('numpy', 'NumPy', 'NumPy', '', 'https://numpy.org/',
       _('Arrays')),
  Work('pillow', 'Pillow', 'Pillow', '', 'https://python-pillow.org/',
       _('Reading and writing pictures')),
  Work('matplotlib', 'Matplotlib', 'Matplotlib', '', 'https://matplotlib.org/',
       _('Plots')),
  Work('openvino', 'Intel', 'OpenVINO', '', 'https://docs.openvino.ai/',
       _('A faster engine for processors')),
  Work('onnxruntime', 'Microsoft', 'ONNX Runtime', '', 'https://onnxruntime.ai/',
       _('A faster engine for processors')),
  Work('django', 'Django Software Foundation', 'Django', '',
       'https://www.djangoproject.com/', _('This website')),
  Work('django-csp', 'Mozilla', 'django-csp', '', 'https://django-csp.readthedocs.io/',
       _('The rules for browsers that protect it')),
  Work('django-tasks', 'Jake Howard', 'django-tasks-db', '',
       'https://pypi.org/project/django-tasks-db/', _('The queue of pictures')),
  Work('whitenoise', 'Dave Evans', 'WhiteNoise', '', 'https://whitenoise.readthedocs.io/',
       _('Its own files')),
  Work('waitress', 'Pylons Project', 'waitress', '', 'https://docs.pylonsproject.org/projects/waitress/',
       _('Its server')),
  Work('anime4k', 'bloc97', 'Anime4K', '', 'https://github.com/bloc97/Anime4K',
       _('A method without a paper; jsr follows its shaders of 2019')),
  Work('tensorlayerx', 'TensorLayer', 'TensorLayerX', '',
       'https://tensorlayerx.readthedocs.io/', _('The code base of report 001')),
  Work('srgan-tensorlayer', 'TensorLayer', 'SRGAN', '',
       'https://github.com/tensorlayer/SRGAN',
       _('The code base of reports 001 and 002')),
  Work('krasserm', 'Martin Krasser', 'super-resolution', '',
       'https://github.com/krasserm/super-resolution', _('A source of report 003')),
)  # fmt: skip
